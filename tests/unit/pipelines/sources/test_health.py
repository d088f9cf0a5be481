"""The health of a source: one state for everything that may be known of it, and never calm when it is dead."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import COVERAGE_SLOT, SourceHealth, SourceHistory
from monitor.ports import SourceState
from pipelines.sources.health import LOOK_BACK, Known, judge

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVERY = 5 * MINUTE
LONG_AGO = NOW - LOOK_BACK
UNKNOWN, DEAD, FAILING = SourceHealth.UNKNOWN, SourceHealth.DEAD, SourceHealth.FAILING
SILENT, HEALTHY = SourceHealth.SILENT, SourceHealth.HEALTHY


def state(
    *, good: timedelta | None = MINUTE, failures: int = 0, error: str | None = None, refused: bool = False
) -> SourceState:
    """A state whose last good poll was `good` ago."""
    at = None if good is None else NOW - good
    return SourceState(source="wire", last_success_at=at, failures=failures, last_error=error, refused=refused)


def history(*slots: datetime, first: datetime | None = LONG_AGO) -> SourceHistory:
    """Polled since `first`, with documents in `slots`."""
    return SourceHistory(first_at=first, document_slots=tuple(sorted(slots)))


BUSY = history(*(NOW - n * COVERAGE_SLOT for n in range(1, 200)))


def known(
    state_: SourceState, history_: SourceHistory = BUSY, *, every: timedelta | None = EVERY, file: bool = False
) -> Known:
    """What is known of a source."""
    return Known(state=state_, history=history_, every=every, may_end=file)


@pytest.mark.parametrize(
    ("source", "health", "reason"),
    [
        (known(state(good=None), history(first=None)), UNKNOWN, "nobody has asked it yet"),
        (known(state()), HEALTHY, "last document within 15m"),
        (known(state(), history(first=NOW - HOUR)), HEALTHY, "no document yet"),
        (known(state(good=15 * MINUTE, failures=6, error="HTTP 503")), FAILING, "6 polls in a row failed: HTTP 503"),
        (known(state(good=MINUTE, failures=1, error="HTTP 503")), FAILING, "the last poll failed: HTTP 503"),
        (
            known(state(good=16 * MINUTE, failures=6, error="HTTP 503")),
            DEAD,
            "no poll went well for 16m: 6 polls in a row failed: HTTP 503",
        ),
        (known(state(good=MINUTE, failures=1, error="HTTP 410", refused=True)), DEAD, "it refuses: HTTP 410"),
        # Three intervals where those are longer than a quarter of an hour.
        (known(state(good=3 * HOUR, failures=9, error="x"), every=HOUR), FAILING, "9 polls in a row failed: x"),
        (
            known(state(good=3 * HOUR + MINUTE, failures=9, error="x"), every=HOUR),
            DEAD,
            "no poll went well for 3h1m: 9 polls in a row failed: x",
        ),
        # Never a good poll: the time runs from the end of the slot of the first.
        (
            known(state(good=None, failures=2, error="x"), history(first=NOW - 30 * MINUTE)),
            FAILING,
            "2 polls in a row failed: x",
        ),
        (
            known(state(good=None, failures=2, error="x"), history(first=NOW - 31 * MINUTE)),
            DEAD,
            "no poll went well since the first: 2 polls in a row failed: x",
        ),
        # Nothing failed, but nothing was finished either: a bug, a bus that is away, or a stage that does not run.
        (
            known(state(good=None), history(first=NOW)),
            FAILING,
            "nobody asks it, or what it gives cannot be published",
        ),
        (
            known(state(good=2 * DAY + HOUR)),
            DEAD,
            "no poll went well for 2d1h: nobody asks it, or what it gives cannot be published",
        ),
    ],
)
def test_a_source_that_is_asked_has_one_state_with_its_reason(source: Known, health: SourceHealth, reason: str) -> None:
    """Whoever is woken by it knows what to look at."""
    verdict = judge(source, NOW)
    assert (verdict.health, verdict.reason) == (health, reason)


def business_hours(days: Iterable[int], *, until: datetime) -> list[datetime]:
    """A document a slot from 9 to 17 on weekdays, `days` before today, none after `until`."""
    midnight = NOW.replace(hour=0)
    slots = [midnight - day * DAY + 9 * HOUR + n * COVERAGE_SLOT for day in days for n in range(32)]
    return [slot for slot in slots if slot < until and slot.weekday() < 5]


@pytest.mark.parametrize(
    ("at", "stopped", "health"),
    [
        ("Wednesday 08:30, stopped on Tuesday at its usual end", datetime(2026, 3, 3, 17, tzinfo=UTC), HEALTHY),
        ("Wednesday 10:30", datetime(2026, 3, 3, 17, tzinfo=UTC), SILENT),
        ("Tuesday 16:00, stopped at 9:30", datetime(2026, 3, 3, 9, 30, tzinfo=UTC), SILENT),
        ("Tuesday 15:00, stopped at 9:30", datetime(2026, 3, 3, 9, 30, tzinfo=UTC), HEALTHY),
        ("Sunday 12:00, after a whole Friday", datetime(2026, 2, 27, 17, tzinfo=UTC), HEALTHY),
        ("Monday 08:30, after a whole Friday", datetime(2026, 2, 27, 17, tzinfo=UTC), HEALTHY),
        ("Monday 11:00, after a whole Friday", datetime(2026, 2, 27, 17, tzinfo=UTC), SILENT),
    ],
)
def test_nights_and_weekends_are_not_silence_but_a_missing_morning_is(
    at: str, stopped: datetime, health: SourceHealth
) -> None:
    """A desk that writes in office hours must not ring every night, nor may it be taken for calm at noon."""
    day, _, clock = at.partition(",")[0].partition(" ")
    days = {"Sunday": 1, "Monday": 2, "Tuesday": 3, "Wednesday": 4}
    hour, minute = map(int, clock.split(":"))
    now = datetime(2026, 3, days[day], hour, minute, tzinfo=UTC)
    slots = business_hours(range(22), until=stopped)
    good = SourceState(source="desk", last_success_at=now - MINUTE)
    assert judge(known(good, history(*slots)), now).health is health


@pytest.mark.parametrize(
    ("slots", "first", "quiet", "file", "health"),
    [
        # Round the clock, known for weeks: six hours.
        (200, LONG_AGO, 6 * HOUR, False, HEALTHY),
        (2000, LONG_AGO, 6 * HOUR + MINUTE, False, SILENT),
        # Known for less than a week: longer than a weekend.
        (200, NOW - 5 * DAY, 3 * DAY, False, HEALTHY),
        (200, NOW - 6 * DAY, 3 * DAY + MINUTE, False, SILENT),
        # Too little to have a usual gap: four weeks; nothing at all: one.
        (5, LONG_AGO, 27 * DAY, False, HEALTHY),
        (5, LONG_AGO - 9 * DAY, 28 * DAY + MINUTE, False, SILENT),
        (0, NOW - 7 * DAY - COVERAGE_SLOT, timedelta(0), False, HEALTHY),
        (0, NOW - 7 * DAY - COVERAGE_SLOT - MINUTE, timedelta(0), False, SILENT),
        # A file that was read in an afternoon may rest; one that has grown for weeks is missed.
        (30, LONG_AGO, 10 * DAY, True, HEALTHY),
        (0, LONG_AGO, timedelta(0), True, HEALTHY),
        (2000, LONG_AGO, 6 * HOUR + MINUTE, True, SILENT),
    ],
)
def test_silence_is_measured_by_what_is_usual(
    slots: int, first: datetime, quiet: timedelta, file: bool, health: SourceHealth
) -> None:
    """Ten median gaps, and more patience the less is known."""
    last = NOW - quiet - COVERAGE_SLOT
    known_slots = history(*(last - n * COVERAGE_SLOT for n in range(slots)), first=first)
    assert judge(known(state(), known_slots, file=file), NOW).health is health


def test_the_reason_of_silence_says_how_long_and_what_was_expected() -> None:
    """The figures are in the sentence, so that a person can judge the judgement."""
    slots = history(*(NOW - 8 * HOUR - n * COVERAGE_SLOT for n in range(1, 2000)))
    assert judge(known(state(), slots), NOW).reason == "no document for 8h, expected within 6h"
    never = history(first=NOW - 8 * DAY - COVERAGE_SLOT)
    assert judge(known(state(), never), NOW).reason == "never a document, polled for 8d, expected within 7d"


def test_a_door_that_documents_are_sent_to_is_never_dead() -> None:
    """Nobody asks it; but when senders that sent all day stop, that shows."""
    assert judge(known(state(good=None), history(first=None), every=None), NOW).reason == "nothing was sent yet"
    assert judge(known(state(good=None), every=None), NOW).health is HEALTHY
    stopped = history(*(NOW - 7 * HOUR - n * COVERAGE_SLOT for n in range(2000)))
    assert judge(known(state(good=None), stopped, every=None), NOW).health is SILENT


spans = st.timedeltas(min_value=timedelta(0), max_value=60 * DAY)
slots = st.lists(spans.map(lambda span: NOW - span), max_size=40).map(lambda found: tuple(sorted(found)))


@given(
    good=st.none() | spans,
    failures=st.integers(0, 50),
    refused=st.booleans(),
    first=st.none() | spans,
    documents=slots,
    every=st.timedeltas(min_value=timedelta(seconds=1), max_value=2 * DAY),
    file=st.booleans(),
)
def test_a_dead_source_is_never_called_anything_else(
    *,
    good: timedelta | None,
    failures: int,
    refused: bool,
    first: timedelta | None,
    documents: tuple[datetime, ...],
    every: timedelta,
    file: bool,
) -> None:
    """Whatever else is known of it: above all it is never healthy, nor merely silent."""
    source = known(
        state(good=good, failures=failures, refused=refused and failures > 0),
        SourceHistory(first_at=None if first is None else NOW - first, document_slots=documents),
        every=every,
        file=file,
    )
    since = good if good is not None else first
    allowed = max(3 * every, 15 * MINUTE) + (timedelta(0) if good is not None else COVERAGE_SLOT)
    is_dead = source.state.refused or (since is not None and since > allowed)
    verdict = judge(source, NOW)
    assert (verdict.health is DEAD) == is_dead
    assert verdict.reason
    if failures:
        assert verdict.health in (DEAD, FAILING)
