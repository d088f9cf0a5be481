"""`tapewatch explain`: why there was an alert, or why there was none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.cli.verdicts import read_instant
from monitor.console import Output
from monitor.domain import ALL, SeriesKey


@click.command(
    cls=Verb,
    example="tapewatch explain --entity ACME --at 2026-03-02T14:05Z\n"
    "tapewatch explain --entity ACME --rule negative-spike --chart acme.png",
)
@config_option
@json_option
@click.option("--entity", default=ALL, show_default=True, help="A ticker of the watchlist, or all.")
@click.option("--at", callback=read_instant, help="The minute, UTC where no zone is given. Default: now.")
@click.option("--topic", default=ALL, show_default=True, help="A topic of the model, or all.")
@click.option("--source-class", default=ALL, show_default=True, help="news, social, filing or all.")
@click.option("--rule", help="A rule of the configuration. Default: every one that follows this.")
@click.option("--chart", type=click.Path(path_type=Path, dir_okay=False), help="Write the picture to this PNG file.")
def explain(  # noqa: PLR0913 - one for each thing that is asked
    config_path: Path | None, *, as_json: bool, entity: str, at: datetime | None, topic: str, source_class: str,
    rule: str | None, chart: Path | None,
) -> None:  # fmt: skip
    """Show what a rule saw at a minute, every gate with its value, and why there was an alert or none."""
    from monitor.app.explaining import explain as explain_series

    key = SeriesKey(entity=entity if entity == ALL else entity.upper(), topic=topic, source_class=source_class)
    output = Output(as_json=as_json)
    explain_series(settings_from(config_path), key, at or datetime.now(UTC), rule=rule, chart=chart, output=output)
