"""`tapewatch train`: make an adapter, from a data folder or from some labelled rows on top of one that is there."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.options import Verb, json_option
from monitor.console import Output


@click.command(
    cls=Verb,
    example="tapewatch train --data path/to/data --out my-adapter\n"
    "tapewatch train --from small --data my.csv --out small-mine --old-tests path/to/data",
)
@click.option("--data", "data", required=True, multiple=True, type=click.Path(path_type=Path, exists=True),
              help="Folder with sentiment/ and topic/ (docs/models.md); with --from: labelled rows.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write.")
@click.option("--from", "parent", help="Adapter to go on from: 16 to 256 rows of a new domain are enough.")
@click.option("--old-tests", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="With --from: data folder whose test sets show what was forgotten.")  # fmt: skip
@click.option("--settings", "training_path", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A YAML file with training settings.")  # fmt: skip
@json_option
def train(
    data: tuple[Path, ...],
    out: Path,
    parent: str | None,
    old_tests: Path | None,
    training_path: Path | None,
    *,
    as_json: bool,
) -> None:
    """Fine-tune the classifier and write an adapter; goes on where an earlier run with the same --out was stopped."""
    from monitor.app.training import adapt_adapter, train_adapter

    output = Output(as_json=as_json)
    if parent is not None:
        adapt_adapter(parent, data, out, training_path, old_tests=old_tests, output=output)
        return
    if len(data) != 1 or not data[0].is_dir() or old_tests:
        raise click.UsageError("without --from, give one --data, a folder, and no --old-tests")
    train_adapter(data[0], out, training_path, output=output)


@click.command(cls=Verb, example="tapewatch pretrain --texts stream.jsonl.gz --encoder intfloat/e5-small --out start")
@click.option("--texts", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="JSON lines with `text`, gzipped or not.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write.")
@click.option("--settings", "training_path", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A YAML file with pre-training settings.")  # fmt: skip
@json_option
def pretrain(texts: Path, out: Path, training_path: Path | None, *, as_json: bool) -> None:
    """Continue masked-language modelling on unlabelled texts; `start` in the training settings takes what it writes."""
    from monitor.app.training import pretrain_encoder

    pretrain_encoder(texts, out, training_path, output=Output(as_json=as_json))
