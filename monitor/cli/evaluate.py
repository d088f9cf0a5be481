"""`tapewatch evaluate`: measure a model on labelled data."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output

data_option = click.option(
    "--data", "data", required=True, multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Labelled rows, .csv or .parquet: text,label[,entity,source_class,lang], or Title,Decisions. May repeat.",
)  # fmt: skip


@click.command(
    cls=Verb,
    example="tapewatch evaluate --model small --data tweets.csv --out report\n"
    "tapewatch evaluate --model small --data headlines.csv --skip-overlap --json",
)
@click.option("--model", required=True, help="Name of a shipped adapter, or a folder.")
@data_option
@click.option("--task", type=click.Choice(("sentiment", "entity", "topic")), help="Default: what the data say.")
@click.option("--train", "train", multiple=True, type=click.Path(path_type=Path, exists=True),
              help="Rows, or a training folder, that teach the TF-IDF baseline.")  # fmt: skip
@click.option("--allow-overlap", is_flag=True, help="Count test rows that trained the model; the report says so.")
@click.option("--skip-overlap", is_flag=True, help="Leave out test rows that trained the model; the report says so.")
@click.option("--baselines/--no-baselines", default=True, show_default=True, help="Simple answerers beside the model.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for report.json, report.md and pictures.")  # fmt: skip
@config_option
@json_option
def evaluate(  # noqa: PLR0913 - one parameter an option
    *,
    model: str,
    data: tuple[Path, ...],
    task: str | None,
    train: tuple[Path, ...],
    allow_overlap: bool,
    skip_overlap: bool,
    baselines: bool,
    out: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Measure a model on labelled data, beside simple baselines."""
    from models.evaluation.cases import Task
    from models.evaluation.run import OnOverlap, Request
    from monitor.app.evaluating import evaluate_model

    if allow_overlap and skip_overlap:
        raise click.UsageError("--allow-overlap and --skip-overlap exclude each other")
    on_overlap = OnOverlap.ALLOW if allow_overlap else OnOverlap.SKIP if skip_overlap else OnOverlap.REFUSE
    settings = settings_from(config_path).classifier.model_copy(update={"adapter": model})
    request = Request(
        data=data, task=Task(task) if task else None, train=train, on_overlap=on_overlap, baselines=baselines
    )
    evaluate_model(settings, request, out=out, output=Output(as_json=as_json))
