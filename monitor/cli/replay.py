"""`tapewatch replay`: rules on recorded documents, with a score."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output
from monitor.durations import parse_duration

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
EXAMPLE = """tapewatch replay --input history.jsonl.gz --labels events.csv
tapewatch replay --input history.jsonl.gz --rules rules.yaml --compare other.yaml --labels events.csv
tapewatch replay --input history.jsonl.gz --out transitions.jsonl --pictures pictures/ --json"""


class DurationType(click.ParamType):  # type: ignore[type-arg] # generic in the stubs alone
    """A duration in the notation of the configuration."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ANN401 - click's signature
        """Read it, or say what is allowed."""
        try:
            return parse_duration(value)
        except ValueError as err:
            self.fail(str(err), param, ctx)


def in_utc(_ctx: click.Context, _param: click.Parameter, value: datetime | None) -> datetime | None:
    """A date on the command line is UTC."""
    return value if value is None else value.replace(tzinfo=UTC)


Decorate = Callable[[Callable[..., None]], Callable[..., None]]


def history_options(call: Callable[..., None]) -> Callable[..., None]:
    """Options of every verb that counts recorded documents."""
    options: tuple[Decorate, ...] = (
        click.option("--input", "source", required=True, type=FILE,
                     help="Documents: .jsonl, .jsonl.gz, .csv or .parquet."),
        config_option,
        click.option("--state", type=FOLDER,
                     help="Keep what is counted in this folder, to go on there; default: in the cache."),
        click.option("--labels-cache", type=FOLDER, help="Keep labels in this folder; default: in the cache."),
        click.option("--fresh", is_flag=True, help="Count anew, even where the same history was counted before."),
    )  # fmt: skip
    for option in reversed(options):
        call = option(call)
    return call


def margin_options(call: Callable[..., None]) -> Callable[..., None]:
    """Options that say when an alert is true."""
    options: tuple[Decorate, ...] = (
        click.option("--before", type=DurationType(), default="1h", show_default=True,
                     help="An alert so long before the start of an event is true."),
        click.option("--after", type=DurationType(), default="24h", show_default=True,
                     help="Likewise so long after the start."),
    )  # fmt: skip
    for option in reversed(options):
        call = option(call)
    return call


@click.command(cls=Verb, example=EXAMPLE)
@history_options
@click.option("--rules", type=FILE, help="A YAML file with `rules:`, in place of those of the configuration.")
@click.option("--compare", type=FILE, help="A second such file, to be held against the first on the same history.")
@click.option("--labels", type=FILE, help="A CSV file of events: entity,start,end,description,expect.")
@margin_options
@click.option("--since", type=click.DateTime(), callback=in_utc,
              help="Judge from this date on (UTC); learn from all.")  # fmt: skip
@click.option("--until", type=click.DateTime(), callback=in_utc, help="Judge before this date (UTC).")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every transition as a JSON line.")
@click.option("--pictures", type=FOLDER, help="Draw a picture of every alert into this folder.")
@json_option
def replay(  # noqa: PLR0913 - click hands over each option
    *,
    source: Path,
    config_path: Path | None,
    state: Path | None,
    labels_cache: Path | None,
    fresh: bool,
    rules: Path | None,
    compare: Path | None,
    labels: Path | None,
    before: timedelta,
    after: timedelta,
    since: datetime | None,
    until: datetime | None,
    out: Path | None,
    pictures: Path | None,
    as_json: bool,
) -> None:
    """Run the live stages over a file, with a clock driven by the data, and score the rules."""
    from alerts.replays.scoring import Margins
    from monitor.app.replaying import Judging, Results, request_of, run_replay

    run_replay(
        settings_from(config_path),
        request_of(source, labels=labels_cache, state=state, fresh=fresh),
        rules=rules,
        compare=compare,
        judging=Judging(events=labels, margins=Margins(before=before, after=after), since=since, until=until),
        results=Results(out=out, pictures=pictures),
        output=Output(as_json=as_json),
    )
