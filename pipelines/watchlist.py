"""Read a watchlist from CSV: a path in, entities out. Every refusal names the file, the line and what to write."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity

COLUMNS = ("ticker", "name", "aliases")
_REQUIRED = {"ticker", "name"}


def read_watchlist(path: Path) -> tuple[WatchedEntity, ...]:
    """Read `ticker,name,aliases`; aliases are separated by `|` and may be left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(_entities(csv.DictReader(file, strict=True), path))
    except OSError as err:
        raise ConfigurationError(f"watchlist.file: cannot read {path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise ConfigurationError(f"{path}: not UTF-8 ({err.reason}); save the file as UTF-8") from err


def _entities(reader: csv.DictReader[str], path: Path) -> Iterator[WatchedEntity]:
    try:
        columns = set(reader.fieldnames or ())
        if not columns >= _REQUIRED or columns - set(COLUMNS):
            raise ConfigurationError(f"{path}, line 1: the first line must be `{','.join(COLUMNS)}`")
        for row in reader:
            yield _entity(row, f"{path}, line {reader.line_num}")
    except csv.Error as err:
        raise ConfigurationError(f"{path}, line {reader.line_num}: not CSV: {err}") from err


def _entity(row: Mapping[str, str | None], where: str) -> WatchedEntity:
    # DictReader puts surplus fields under None, and None where fields are missing.
    if None in row or row["name"] is None:
        raise ConfigurationError(f"{where}: wrong number of fields; quote a name that holds a comma")
    aliases = tuple(part.strip() for part in (row.get("aliases") or "").split("|") if part.strip())
    try:
        return WatchedEntity(ticker=(row["ticker"] or "").strip(), name=row["name"].strip(), aliases=aliases)
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{where}: {key}: {first['msg']}") from err
