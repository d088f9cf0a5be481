"""What the rules look back on, kept between evaluations: it must be what the store holds, whatever came late."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.counted import Counted
from alerts.grid import CountGrid
from monitor.domain import SeriesKey
from tests.fixtures.alert_store import FakeAlertStore
from tests.unit.alerts.build import HOUR, MINUTE, T0

KEYS = (SeriesKey(entity="A"), SeriesKey(entity="B"))
TOLD = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 200), st.booleans()), max_size=20)


def dense(grid: CountGrid, ends: list[datetime]) -> list[list[list[float]]]:
    """Every sum that a rule could ask for."""
    return [grid.sums(what, ends, span).tolist() for what in ("negative", "stories") for span in (HOUR, 2 * HOUR)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), TOLD), min_size=1, max_size=6))
def test_what_is_kept_is_what_is_stored(rounds: list[tuple[int, list[tuple[SeriesKey, int, bool]]]]) -> None:
    """Time goes on by any step, and documents are counted in any minute, long past ones too."""
    store, now = FakeAlertStore(), T0 + 2 * HOUR
    kept = Counted(store, KEYS, bucket=MINUTE)
    for step, told in rounds:
        now += step * MINUTE
        for key, minutes, negative in told:
            store.tell(key, now - minutes * MINUTE, negative=negative)
        kept.refresh(now - 2 * HOUR, now)
        fresh = Counted(store, KEYS, bucket=MINUTE)
        fresh.refresh(now - 2 * HOUR, now)
        ends = [now - n * 7 * MINUTE for n in range(4)]
        assert dense(kept.grid(now - 2 * HOUR, now), ends) == dense(fresh.grid(now - 2 * HOUR, now), ends)
        assert np.all(np.diff(kept.grid(now - 2 * HOUR, now).slots) >= 0)
        assert kept.last_document_at(now) == fresh.last_document_at(now)


def test_only_slots_that_changed_are_read_again() -> None:
    """A look-up a slot says which; to read a day of five thousand series every minute would take seconds."""
    store = FakeAlertStore()
    for minute in range(0, 120, 2):
        store.tell(KEYS[0], T0 + minute * MINUTE)
    kept = Counted(store, KEYS, bucket=MINUTE)
    kept.refresh(T0, T0 + 2 * HOUR)
    store.slot_questions.clear()
    kept.refresh(T0 + MINUTE, T0 + 2 * HOUR + MINUTE)
    assert store.slot_questions == []
    store.tell(KEYS[1], T0 + 30 * MINUTE)
    kept.refresh(T0 + 2 * MINUTE, T0 + 2 * HOUR + 2 * MINUTE)
    assert store.slot_questions == [(T0 + 30 * MINUTE, T0 + 31 * MINUTE)]


def test_content_stands_for_the_documents_of_a_span() -> None:
    """The same while nothing comes in or falls out; another as soon as something does."""
    store = FakeAlertStore()
    store.tell(KEYS[0], T0 + 10 * MINUTE)
    store.tell(KEYS[0], T0 + 40 * MINUTE)
    kept = Counted(store, KEYS, bucket=MINUTE)
    kept.refresh(T0, T0 + 2 * HOUR)
    first = kept.content(KEYS[0], T0, T0 + HOUR)
    assert kept.content(KEYS[0], T0 + 5 * MINUTE, T0 + HOUR + 5 * MINUTE) == first
    assert kept.content(KEYS[0], T0 + 11 * MINUTE, T0 + HOUR + 11 * MINUTE) != first
    assert kept.content(KEYS[1], T0, T0 + HOUR) == kept.content(KEYS[1], T0 + HOUR, T0 + 2 * HOUR)
    store.tell(KEYS[0], T0 + 40 * MINUTE)
    kept.refresh(T0, T0 + 2 * HOUR)
    assert kept.content(KEYS[0], T0, T0 + HOUR) != first


def test_last_document_is_found_before_the_span_too() -> None:
    """Silence may last longer than any window."""
    store = FakeAlertStore()
    kept = Counted(store, KEYS, bucket=MINUTE)
    kept.refresh(T0, T0 + HOUR)
    assert kept.last_document_at(T0 + HOUR) is None
    store.tell(KEYS[0], T0 - 9 * HOUR)
    kept.refresh(T0, T0 + HOUR)
    assert kept.last_document_at(T0 + HOUR) == T0 - 9 * HOUR + MINUTE
    store.tell(SeriesKey(), T0 + 20 * MINUTE)
    kept.refresh(T0, T0 + HOUR)
    assert kept.last_document_at(T0 + 20 * MINUTE) == T0 - 9 * HOUR + MINUTE
    assert kept.last_document_at(T0 + HOUR) == T0 + 21 * MINUTE
