"""Memory of what was taken from a list: complete within its age, bounded beyond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.sources import recent
from pipelines.sources.recent import Recent

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY_AGO = NOW - timedelta(days=1)


def test_what_was_taken_is_not_new_again_after_a_restart() -> None:
    """The cursor is all that a restarted process has."""
    known = Recent(floor=DAY_AGO)
    known.take("a", NOW)
    again = Recent.read(known.write(), oldest=DAY_AGO)
    assert [again.is_new(key, NOW) for key in ("a", "b")] == [False, True]
    assert again.newest == NOW


def test_a_thing_that_is_listed_late_is_still_new() -> None:
    """Lists are not in order: an article dated 8:00 may turn up after one of 9:00."""
    known = Recent(floor=DAY_AGO)
    known.take("a", NOW)
    assert known.is_new("late", NOW - timedelta(hours=3))


def test_what_is_older_than_the_floor_is_known() -> None:
    """Else a site's archive would come in at the first poll, and again whenever memory runs over."""
    known = Recent.read(None, oldest=DAY_AGO)
    assert [known.is_new("a", DAY_AGO), known.is_new("a", DAY_AGO + timedelta(seconds=1))] == [False, True]
    known.forget_before(NOW)
    assert not known.is_new("b", NOW)
    assert Recent.read(known.write(), oldest=DAY_AGO).floor == NOW


def test_memory_is_bounded_and_what_it_lets_go_is_never_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of a million must not become a cursor of a million."""
    monkeypatch.setattr(recent, "MAX_REMEMBERED", 10)
    known = Recent(floor=DAY_AGO)
    instants = [DAY_AGO + timedelta(minutes=minute) for minute in range(1, 101)]
    for number, at in enumerate(instants):
        known.take(str(number), at)
    assert len(known.write()) < 600
    assert not any(known.is_new(str(number), at) for number, at in enumerate(instants))


def test_failures_are_counted_over_restarts_until_it_is_taken() -> None:
    """A page that never loads must not be tried for ever."""
    known = Recent(floor=DAY_AGO)
    counts = []
    for _ in range(3):
        counts.append(known.failed("a"))
        known = Recent.read(known.write(), oldest=DAY_AGO)
    known.take("a", NOW)
    assert (counts, known.failed("a")) == ([1, 2, 3], 1)


@pytest.mark.parametrize("written", ["", "{}", "not json", '{"floor":1e99,"taken":{}}', '{"floor":"x","taken":{}}'])
def test_a_cursor_of_another_version_is_a_fresh_start(written: str) -> None:
    """It costs what is met twice, which ids make harmless, and not the source."""
    assert Recent.read(written, oldest=DAY_AGO).floor == DAY_AGO
