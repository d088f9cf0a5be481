"""`tapewatch calibrate`: make the probabilities of a model mean what they say on your data."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.evaluate import data_option
from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output


@click.command(cls=Verb, example="tapewatch calibrate --model small --data labelled.csv --out my-adapter --risk 0.05")
@click.option("--model", required=True, help="Name of a shipped adapter, or a folder.")
@data_option
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write; new.")
@click.option("--risk", default=0.05, show_default=True, type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="Share of wrong answers that is borne; what is less sure is left open.")  # fmt: skip
@config_option
@json_option
def calibrate(
    *, model: str, data: tuple[Path, ...], out: Path, risk: float, config_path: Path | None, as_json: bool
) -> None:
    """Fit calibration and thresholds anew on labelled data, and write the model's next version."""
    from monitor.app.evaluating import calibrate_model

    settings = settings_from(config_path).classifier.model_copy(update={"adapter": model})
    calibrate_model(settings, data, out, risk=risk, output=Output(as_json=as_json))
