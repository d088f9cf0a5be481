"""`tapewatch dead-letters`: what was refused, why, and back again once the cause is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from monitor.cli.options import Verb, VerbGroup, config_option, json_option, settings_from
from monitor.console import Output
from monitor.domain import REJECT_REASONS
from monitor.durations import parse_duration
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from pipelines.letters import LetterFilter

F = TypeVar("F", bound=Callable[..., Any])
COLUMNS = ("place", "at", "stage", "reason", "origin", "detail", "brought_back")


def _filters(verb: F) -> F:
    """The options that say which letters are meant."""
    for option in (
        click.option("--stage", type=click.Choice(("ingest", "classify", "aggregate")), help="Who refused it."),
        click.option("--reason", type=click.Choice(REJECT_REASONS), help="Why."),
        click.option("--source", help="The source that gave it, where ingest refused it."),
        click.option("--since", help="How far back, for example 2h; left out: all that is kept."),
    ):
        verb = option(verb)
    return verb


@click.group(
    "dead-letters",
    cls=VerbGroup,
    example="tapewatch dead-letters list --since 1d\ntapewatch dead-letters replay --reason model_failed",
)
def dead_letters() -> None:
    """Show what was refused, and bring it back."""


@dead_letters.command("list", cls=Verb, example="tapewatch dead-letters list --stage classify --since 1d")
@config_option
@json_option
@_filters
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Rows at most.")
def list_letters(config_path: Path | None, *, as_json: bool, limit: int, **filters: str | None) -> None:
    """List what was refused, the latest first."""
    from monitor.app import dead_letters as app

    rows = app.list_letters(settings_from(config_path), _wanted(filters))
    output = Output(as_json=as_json)
    output.rows(rows[:limit], title="Dead letters", columns=COLUMNS, empty="Nothing was refused.")
    if len(rows) > limit:
        output.say(f"{len(rows) - limit} more; see --limit")


@dead_letters.command(cls=Verb, example="tapewatch dead-letters show 3/17")
@config_option
@click.argument("place")
def show(config_path: Path | None, place: str) -> None:
    """Show one letter whole, as JSON; PLACE is as the list has it."""
    from monitor.app import dead_letters as app

    found = app.find_letter(settings_from(config_path), place)
    if found is None:
        raise MonitorError(f"no dead letter {place!r} is kept; see: tapewatch dead-letters list")
    Output(as_json=True).line(found)


@dead_letters.command(cls=Verb, example="tapewatch dead-letters replay\ntapewatch dead-letters replay 3/17 3/18")
@config_option
@json_option
@_filters
@click.argument("places", nargs=-1)
def replay(config_path: Path | None, *, as_json: bool, places: tuple[str, ...], **filters: str | None) -> None:
    """Bring letters back, all of them or those at PLACES; what would be refused again stays where it is."""
    from monitor.app import dead_letters as app

    fates = app.replay_letters(settings_from(config_path), _wanted(filters, places))
    row = {fate.value: count for fate, count in fates.items()}
    Output(as_json=as_json).rows([row], title="Letters", columns=tuple(row), empty="")


def _wanted(filters: Mapping[str, str | None], places: tuple[str, ...] = ()) -> LetterFilter:
    from pipelines.letters import LetterFilter

    stage, reason, source, since = (filters[name] for name in ("stage", "reason", "source", "since"))
    try:
        at = datetime.now(UTC) - parse_duration(since) if since else None
    except ValueError as err:
        raise click.UsageError(f"--since: {err}") from err
    return LetterFilter(stage=stage, reason=reason, source=source, since=at, places=frozenset(places))
