"""No cell of an export is a formula."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spreadsheet import as_cell, as_cells, from_cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "  =1", '=cmd|"/C calc"!A0', "\uff1d1+1", "=HYPERLINK(A1)"],
)
def test_what_a_spreadsheet_takes_for_a_formula_is_text(text: str) -> None:
    """Whether by its first letter or after blanks that it drops."""
    assert as_cell(text) == f"'{text}"


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=20) | st.integers() | st.none()))
def test_everything_else_stays_and_numbers_stay_numbers(row: dict[str, object]) -> None:
    """A negative number is no formula."""
    cells = as_cells(row)
    for column, value in row.items():
        assert cells[column] in (value, f"'{value}")
        assert not str(cells[column]).lstrip(" ").startswith(("=", "@", "\t")) or not isinstance(value, str)
    written = io.StringIO(newline="")
    csv.DictWriter(written, list(row)).writerow(cells)


@given(st.text(max_size=20))
def test_what_was_written_is_read_back(text: str) -> None:
    """Corrected labels go out into a table and come back as training rows."""
    assert from_cell(str(as_cell(text))) == text or text.startswith("'")


def test_every_table_that_is_written_is_written_so() -> None:
    """An export that forgets it would hand a stranger's formula to whoever opens it."""
    root = Path(__file__).resolve().parents[3]
    rooms = ("alerts", "models", "monitor", "pipelines")
    texts = {path: path.read_text(encoding="utf-8") for room in rooms for path in (root / room).rglob("*.py")}
    writing = {path: text for path, text in texts.items() if re.search(r"csv\.(Dict)?[wW]riter\(|\.to_csv\(", text)}
    assert writing
    assert [path.name for path, text in writing.items() if "as_cells(" not in text] == []
