"""Cells of CSV files that people open in a spreadsheet: what a stranger wrote must not become a formula there. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_cell(value: object) -> object:
    """`value`, with an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_STARTS) else value


def from_cell(text: str) -> str:
    """The text that `as_cell` was given."""
    bare = text.removeprefix("'")
    return bare if as_cell(bare) != bare else text


def as_cells(row: Mapping[str, object]) -> dict[str, object]:
    """A row of such cells."""
    return {column: as_cell(value) for column, value in row.items()}
