"""Labelled events: read as people write them, every bad row said with its line and remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.replays.events import Event, read_events
from monitor.errors import ConfigurationError


def read(folder: Path, text: str) -> tuple[Event, ...]:
    """The events of a file that holds `text`."""
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return read_events(path)


def test_events_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    """Tickers in any case, instants in any zone, a bare date at midnight; what is left out is nothing."""
    found = read(
        tmp_path,
        "entity,start,end,description,expect\n"
        'msft,2015-01-26T17:06:02-05:00,,"slide, after close",\n'
        "all,2015-01-02,2015-01-03,,quiet\n",
    )

    assert found == (
        Event(
            entity="all", start=datetime(2015, 1, 2, tzinfo=UTC), end=datetime(2015, 1, 3, tzinfo=UTC), is_quiet=True
        ),
        Event(entity="MSFT", start=datetime(2015, 1, 26, 22, 6, 2, tzinfo=UTC), description="slide, after close"),
    )


def test_two_columns_are_enough(tmp_path: Path) -> None:
    """A byte-order mark, as spreadsheets write one, is no part of a name."""
    assert read(tmp_path, "\ufeffentity,start\nBP,2014-09-04T14:30:33Z\n")[0].entity == "BP"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",2015-01-01", "entity is empty"),
        ("BP,", "not an instant"),
        ("BP,yesterday", "2015-01-28T14:30:00Z"),
        ("BP,2015-01-01T10:00:00", "no time zone"),
        ("BP,2015-01-02,2015-01-01", "lies before start"),
        ("BP,2015-01-02,,oil, and more,alert", "quotes"),
        ("BP,2015-01-02,,spill,maybe", "alert or quiet"),
    ],
)
def test_a_bad_row_is_said_with_its_line_and_what_is_allowed(tmp_path: Path, row: str, said: str) -> None:
    """A label file is written by hand."""
    with pytest.raises(ConfigurationError, match=r"line 3: ") as err:
        read(tmp_path, f"entity,start,end,description,expect\nBP,2015-01-01\n{row}\n")
    assert said in str(err.value)


def test_many_bad_rows_are_said_at_once_but_not_without_end(tmp_path: Path) -> None:
    """Ten lines, and how many more."""
    with pytest.raises(ConfigurationError) as err:
        read(tmp_path, "entity,start\n" + "BP,never\n" * 25)
    assert len(str(err.value).splitlines()) == 11
    assert "and 15 more" in str(err.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entity,when\nBP,2015-01-01\n", "start missing; unknown: when"),
        ("", "entity, start missing"),
        ("entity,start\n", "holds no event"),
    ],
)
def test_a_file_that_holds_no_events_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The header that is wanted is said."""
    with pytest.raises(ConfigurationError, match=said):
        read(tmp_path, text)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    """Exit status 2, not a traceback."""
    (tmp_path / "binary.csv").write_bytes(b"entity,start\n\xff\xfe\n")

    for name in ("absent.csv", "binary.csv"):
        with pytest.raises(ConfigurationError, match=name):
            read_events(tmp_path / name)
