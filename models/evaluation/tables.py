"""Read labelled tables as people have them: CSV or Parquet in, rows of text out; nothing is interpreted yet.

Two layouts: `text,label` with the optional columns `entity`, `source_class`, `lang` and `finance`, and that of the
headline set, `Title,Decisions`. Everything is read as text, so that a headline `NA` stays one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from monitor.errors import ConfigurationError
from monitor.spreadsheet import from_cell

PLAIN = ("text", "label")
HEADLINES = ("Title", "Decisions")
LAYOUTS = (PLAIN, HEADLINES)
FIRST_ROW = 2  #: Rows count from 1; the first holds the names of the columns.


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as written; an absent column is an empty text."""

    path: Path
    number: int  #: From 1, the header included.
    text: str
    label: str
    entity: str | None  #: None: the table has no such column.
    decisions: str | None
    source_class: str
    lang: str
    finance: str

    @property
    def place(self) -> str:
        """Where to look, for a message."""
        return f"{self.path}: row {self.number}"


def read_rows(path: Path, *, layouts: Sequence[tuple[str, str]] = LAYOUTS) -> list[Row]:
    """Every row of `path`; a table without rows or columns, or with an empty text, is a `ConfigurationError`.

    The first of `layouts` whose columns are there is taken.
    """
    table = _table(path)
    layout = next((columns for columns in layouts if set(columns) <= set(table.columns)), None)
    if layout is None:
        wanted = " or ".join(",".join(columns) for columns in layouts)
        missing = [name for name in layouts[0] if name not in table.columns]
        has = ", ".join(map(str, table.columns)) or "none"
        raise ConfigurationError(f"{path}: no column {', '.join(missing)}; wanted are {wanted}, the file has {has}")
    rows = list(_rows(path, table, layout))
    if not rows:
        raise ConfigurationError(f"{path}: no row below the header; give labelled rows")
    return rows


def _rows(path: Path, table: pd.DataFrame, layout: tuple[str, str]) -> Iterator[Row]:
    by_decisions = layout == HEADLINES
    for number, values in enumerate(table.to_dict("records"), start=FIRST_ROW):
        row = Row(
            path=path,
            number=number,
            text=from_cell(_plain(values[layout[0]])),
            label="" if by_decisions else _plain(values[layout[1]]),
            entity=_plain(values["entity"]) if "entity" in table.columns and not by_decisions else None,
            decisions=_plain(values[layout[1]]) if by_decisions else None,
            source_class=_plain(values.get("source_class", "")),
            lang=_plain(values.get("lang", "")).lower(),
            finance=_plain(values.get("finance", "")),
        )
        if not row.text:
            raise ConfigurationError(f"{row.place}: the text is empty; fill it in or delete the row")
        yield row


def _table(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as err:
        raise ConfigurationError(f"{path}: cannot read the table: {err}") from err
    raise ConfigurationError(f"{path}: is no .csv or .parquet; convert it, or name it so")


def _plain(value: object) -> str:
    """`value` as text; a missing one is empty, and a number that is whole has no fraction."""
    if value is None or value != value:  # noqa: PLR0124 - not a number is the one value that differs from itself
        return ""
    text = str(value).strip()
    return text.removesuffix(".0") if text.removesuffix(".0").isdigit() else text
