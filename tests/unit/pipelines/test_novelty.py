"""Novelty falls by a quarter with each telling within a look-back."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import LOOK_BACKS
from pipelines.novelty import REMEMBERED, novelty, remember

HOUR = timedelta(hours=1) // timedelta(microseconds=1)


def test_what_was_never_told_is_wholly_new() -> None:
    """The first telling is news over every span."""
    assert novelty([], 0) == (100, 100, 100, 100)


def test_each_look_back_sees_its_own_span() -> None:
    """Told 80, 50, 20, 5 and half hours ago; the ends of a span belong to it."""
    at = 100 * HOUR
    earlier = [at - 80 * HOUR, at - 50 * HOUR, at - 20 * HOUR, at - 5 * HOUR, at - HOUR // 2]
    assert novelty(earlier, at) == (75, 56, 42, 32)
    assert novelty([at - HOUR], at) == (75, 75, 75, 75)
    assert novelty([at - HOUR - 1], at) == (100, 75, 75, 75)


def test_a_telling_of_a_later_time_is_not_earlier() -> None:
    """A document that came in late is judged by when it was published."""
    assert novelty([10 * HOUR], 9 * HOUR) == (100, 100, 100, 100)


def test_from_the_sixteenth_telling_on_nothing_is_new() -> None:
    """And fifteen leave one in a hundred."""
    assert novelty([0] * (REMEMBERED - 1), 0) == (1, 1, 1, 1)
    assert novelty([0] * REMEMBERED, 0) == (0, 0, 0, 0)


@given(times=st.lists(st.integers(0, 100 * HOUR), max_size=60))
def test_what_is_remembered_is_enough(times: list[int]) -> None:
    """Tellings in the order of time: the sixteen kept say the same as all of them would."""
    kept: list[int] = []
    for count, at in enumerate(sorted(times)):
        told = [
            sum(at - each <= span / timedelta(microseconds=1) for each in sorted(times)[:count]) for span in LOOK_BACKS
        ]
        assert novelty(kept, at) == tuple(0 if k >= REMEMBERED else round(100 * 0.75**k) for k in told)
        kept = remember(kept, at)
    assert len(kept) == min(len(times), REMEMBERED)
