"""`tapewatch robustness`: a model under attack."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output


@click.command(
    cls=Verb,
    example="tapewatch robustness --model small --data tweets.csv\n"
    "tapewatch robustness --model small --against my-adapter --data headlines.csv --limit 500 --out robustness.md",
)
@click.option("--model", required=True, help="Name of a shipped adapter, or a folder.")
@click.option("--against", help="A second one, to show beside it.")
@click.option("--data", required=True, multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Labelled rows, .csv or .parquet: text,label[,entity], or Title,Decisions. May repeat.")  # fmt: skip
@click.option("--task", type=click.Choice(("sentiment", "entity", "topic")), help="Default: what the data say.")
@click.option(
    "--seed", default=13, show_default=True, type=click.IntRange(min=0), help="Decides what is changed where."
)
@click.option("--limit", type=click.IntRange(min=1), help="Texts at most, drawn by the seed.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a Markdown report.")
@config_option
@json_option
def robustness(  # noqa: PLR0913 - one parameter an option
    *,
    model: str,
    against: str | None,
    data: tuple[Path, ...],
    task: str | None,
    seed: int,
    limit: int | None,
    out: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Change labelled texts in many ways, and measure what becomes of a model's answers."""
    from monitor.app.robustness import Attempt, attack_models

    models = (model,) if against is None else (model, against)
    attempt = Attempt(models=models, data=data, task=task, seed=seed, limit=limit)
    attack_models(settings_from(config_path).classifier, attempt, out=out, output=Output(as_json=as_json))
