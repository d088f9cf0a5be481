"""Labelled events: what an alert rule ought to have found, as people write it down. CSV in, events out.

The columns are `entity`, `start`, and if wanted `end`, `description` and `expect`. An instant is RFC 3339 with a time
zone; a bare date is its midnight, UTC. `expect` is `alert`, which it also is where nothing stands, or `quiet`: nothing
bad happened between `start` and `end` (a day where there is no `end`), however loud it was: an alert would be wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from monitor.domain import ALL
from monitor.errors import ConfigurationError

COLUMNS = ("entity", "start", "end", "description", "expect")
NEEDED = ("entity", "start")
DAY = timedelta(days=1)
SHOWN = 10  #: Problems said at once.


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to one entity, or a time in which nothing did."""

    entity: str  #: Ticker, or `ALL` for the series over all entities.
    start: datetime  #: UTC.
    end: datetime | None = None  #: UTC, exclusive.
    description: str = ""
    is_quiet: bool = False  #: No alert is right here.

    @property
    def until(self) -> datetime:
        """The end, also where none is given: a day after a quiet start, else the start itself."""
        return self.end or (self.start + DAY if self.is_quiet else self.start)


def read_events(path: Path) -> tuple[Event, ...]:
    """The events of a CSV file by time; raises `ConfigurationError` that lists every row that cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _events(path, csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ConfigurationError(f"{path}: cannot be read: {err}") from err


def _events(path: Path, rows: csv.DictReader[str]) -> tuple[Event, ...]:
    _check_columns(path, rows.fieldnames or ())
    events: list[Event] = []
    problems: list[str] = []
    for row in rows:
        try:
            events.append(_event(row))
        except ValueError as err:
            problems.append(f"{path}, line {rows.line_num}: {err}")
    if problems:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise ConfigurationError("\n".join([*problems[:SHOWN], *more]))
    if not events:
        raise ConfigurationError(f"{path}: holds no event; each is a line below the header {','.join(COLUMNS)}")
    return tuple(sorted(events, key=lambda event: (event.start, event.entity)))


def _check_columns(path: Path, found: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in found]
    unknown = [name for name in found if name not in COLUMNS]
    if missing or unknown:
        said = [f"{', '.join(missing)} missing"] * bool(missing) + [f"unknown: {', '.join(unknown)}"] * bool(unknown)
        raise ConfigurationError(f"{path}: columns: {'; '.join(said)}; the header is {','.join(COLUMNS)}")


def _event(row: Mapping[str, str | None]) -> Event:
    if None in row:
        raise ValueError("more fields than the header has; put a description with commas into quotes")
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not given["entity"]:
        raise ValueError("entity is empty")
    if given["expect"] not in ("", "alert", "quiet"):
        raise ValueError(f"expect: {given['expect']!r}; write alert or quiet")
    start, end = _instant("start", given["start"]), _instant("end", given["end"]) if given["end"] else None
    if end is not None and end < start:
        raise ValueError(f"end {given['end']} lies before start {given['start']}")
    entity = given["entity"] if given["entity"] == ALL else given["entity"].upper()
    return Event(
        entity=entity, start=start, end=end, description=given["description"], is_quiet=given["expect"] == "quiet"
    )


def _instant(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: not an instant: {text!r}; write for example 2015-01-28T14:30:00Z") from None
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    if len(text) == len(date.min.isoformat()):
        return at.replace(tzinfo=UTC)
    raise ValueError(f"{name}: no time zone: {text!r}; write for example 2015-01-28T14:30:00Z")
