"""What the command line shows: tables for people on a terminal, JSON lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.durations import format_duration
from monitor.terminal import visible

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = Mapping[str, object]


class Output:
    """Standard output: a table on a terminal, JSON lines with `--json` or in a pipe."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json or not sys.stdout.isatty()
        self._console = Console()

    def rows(self, rows: Iterable[Row], *, title: str, columns: Sequence[str], empty: str) -> None:
        """Show `rows`; a table shows `columns` only, JSON everything."""
        if self.as_json:
            for row in rows:
                self.line(row)
            return
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            # Text, not markup: a headline may hold square brackets.
            table.add_row(*(Text(_shown(row.get(column))) for column in columns))
        self._console.print(table if table.row_count else empty)

    def line(self, row: Row) -> None:
        """Write one JSON line."""
        sys.stdout.write(json.dumps(row, default=plain, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def warn(self, text: str) -> None:
        """Write a sentence that nobody should miss, in a pipe too: to standard error."""
        sys.stderr.write(f"tapewatch: {text}\n")

    def say(self, text: str) -> None:
        """Write a sentence for people; nothing in a pipe."""
        if not self.as_json:
            self._console.print(Text(visible(text)))


def as_row(value: DataclassInstance) -> dict[str, object]:
    """A value of the domain as a row."""
    return asdict(value)


def plain(value: object) -> object:
    """JSON for what `json` does not know: values of the domain, instants, durations."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.4g}"
    return visible(str(value))
