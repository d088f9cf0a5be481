"""Join what is watched: settings in, entities out, those of the configuration, of a CSV file and of the shipped list.

Every refusal of the CSV file names the file, the line and what to write. Where an entity of the user's has the ticker,
the ISIN, an exchange code or a name of a shipped one, the shipped one is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity, WatchlistSettings
from pipelines.names import check_names

COLUMNS = ("ticker", "name", "aliases", "isin", "codes", "exact", "unless")
GROUP = "group"  #: A further column of the shipped list.
SHIPPED = Path(__file__).with_name("known_entities.csv")

_REQUIRED = {"ticker", "name"}
_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"", "false", "no", "0"})

Row = Mapping[str, str | None]


def watched(settings: WatchlistSettings) -> tuple[WatchedEntity, ...]:
    """All that is watched; raises `ConfigurationError`."""
    listed = read_watchlist(settings.file) if settings.file else ()
    own = (*settings.entities, *listed)
    return (*own, *_others(own, shipped_entities(settings.shipped)))


def read_watchlist(path: Path) -> tuple[WatchedEntity, ...]:
    """Read `ticker,name` and, as wanted, the other columns; parts of a field are separated by `|`."""
    return tuple(_entity(row, where) for row, where in _rows(path, COLUMNS))


def shipped_entities(groups: Sequence[str]) -> tuple[WatchedEntity, ...]:
    """The entities of the shipped list that are in `groups`."""
    if not groups:
        return ()
    rows = _rows(SHIPPED, (GROUP, *COLUMNS))
    return tuple(_entity(row, where) for row, where in rows if row[GROUP] in groups)


def _others(own: Iterable[WatchedEntity], shipped: Iterable[WatchedEntity]) -> Iterator[WatchedEntity]:
    taken = {mark for entity in own for mark in _marks(entity)}
    return (entity for entity in shipped if taken.isdisjoint(_marks(entity)))


def _marks(entity: WatchedEntity) -> Iterator[str]:
    """By what an entity may be known as the same."""
    yield entity.ticker
    yield from (name.lower() for name in (entity.name, *entity.aliases))
    yield from entity.codes
    if entity.isin:
        yield entity.isin


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[Row, str]]:
    """The rows of a CSV file, each with its place."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _placed(csv.DictReader(file, strict=True), path, columns)
    except OSError as err:
        raise ConfigurationError(f"watchlist.file: cannot read {path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise ConfigurationError(f"{path}: not UTF-8 ({err.reason}); save the file as UTF-8") from err


def _placed(reader: csv.DictReader[str], path: Path, columns: Sequence[str]) -> Iterator[tuple[Row, str]]:
    try:
        _check_header(reader.fieldnames or (), f"{path}, line 1", columns)
        for row in reader:
            yield row, f"{path}, line {reader.line_num}"
    except csv.Error as err:
        raise ConfigurationError(f"{path}, line {reader.line_num}: not CSV: {err}") from err


def _check_header(found: Sequence[str], where: str, columns: Sequence[str]) -> None:
    if not set(found) >= _REQUIRED:
        wanted = f"the first line must be `{','.join(columns)}`; all after `name` may be left out"
        raise ConfigurationError(f"{where}: {wanted}")
    if unknown := [name for name in found if name not in columns]:
        raise ConfigurationError(f"{where}: unknown column {unknown[0]!r}; known: {', '.join(columns)}")


def _entity(row: Row, where: str) -> WatchedEntity:
    # DictReader puts surplus fields under None, and None where fields are missing.
    if None in row or row["name"] is None:
        raise ConfigurationError(f"{where}: wrong number of fields; quote a name that holds a comma")
    try:
        entity = WatchedEntity(
            ticker=_field(row, "ticker"),
            name=_field(row, "name"),
            aliases=_parts(row, "aliases"),
            isin=_field(row, "isin") or None,
            codes=_parts(row, "codes"),
            exact=_flag(row, "exact", where),
            unless=_parts(row, "unless"),
        )
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{where}: {key}: {first['msg'].removeprefix('Value error, ')}") from err
    try:
        check_names(entity)
    except ConfigurationError as err:
        raise ConfigurationError(f"{where}: {err}") from err
    return entity


def _field(row: Row, column: str) -> str:
    return (row.get(column) or "").strip()


def _parts(row: Row, column: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _field(row, column).split("|") if part.strip())


def _flag(row: Row, column: str, where: str) -> bool:
    written = _field(row, column).lower()
    if written not in _YES | _NO:
        raise ConfigurationError(f"{where}: {column}: write true or false, not {written[:20]!r}")
    return written in _YES
