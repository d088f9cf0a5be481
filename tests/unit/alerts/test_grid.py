"""The grid: sums over sliding windows are those of counting by hand."""

from datetime import datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.grid import CountGrid
from monitor.domain import Counts, SeriesKey
from tests.unit.alerts.build import HOUR, MINUTE, T0

KEYS = (SeriesKey(entity="ACME"), SeriesKey(entity="DULL"), SeriesKey(entity="NONE"))
SLOTS = st.dictionaries(st.integers(0, 119), st.integers(1, 5), max_size=20)


def grid(told: dict[SeriesKey, dict[int, int]], keys: tuple[SeriesKey, ...] = KEYS) -> CountGrid:
    """Two hours before T0; `told` says how many negative stories came in which minute, each among two stories."""
    start = T0 - 2 * HOUR
    counts = {
        key: {start + slot * MINUTE: Counts(negative=n, stories=2 * n) for slot, n in slots.items()}
        for key, slots in told.items()
    }
    return CountGrid.from_slots(counts, keys=keys, start=start, end=T0, bucket=MINUTE)


@given(st.lists(SLOTS, min_size=2, max_size=2), st.lists(st.integers(1, 120), min_size=1, max_size=6))
def test_sums_are_those_of_counting_by_hand(told: list[dict[int, int]], ends: list[int]) -> None:
    """In any order of ticks, for windows that touch, overlap or begin before the span."""
    made, start = grid(dict(zip(KEYS, told, strict=False))), T0 - 2 * HOUR
    for length in (1, 15, 60, 240):
        got = made.sums("negative", [start + end * MINUTE for end in ends], length * MINUTE)
        by_hand = [[sum(n for s, n in slots.items() if end - length <= s < end) for slots in told] for end in ends]
        assert got[:, :2].tolist() == by_hand
        assert not got[:, 2].any()
        assert np.array_equal(made.sums("stories", [start + e * MINUTE for e in ends], length * MINUTE), 2 * got)


def test_what_lies_outside_is_left_out() -> None:
    """Other series and other times."""
    counts = {KEYS[0]: {T0: Counts(negative=1), T0 - 3 * HOUR: Counts(negative=1), T0 - HOUR: Counts(negative=1)}}
    made = CountGrid.from_slots(
        {**counts, SeriesKey(entity="X"): counts[KEYS[0]]}, keys=KEYS, start=T0 - 2 * HOUR, end=T0, bucket=MINUTE
    )
    assert made.values[0].tolist() == [1]


def test_an_empty_grid_has_sums_too() -> None:
    """Nothing told, and nobody to tell it of."""
    assert not grid({}).sums("negative", [T0], HOUR).any()
    assert grid({}, keys=()).sums("negative", [T0, T0], HOUR).shape == (2, 0)
    assert grid({}, keys=()).select(KEYS).sums("negative", [T0], HOUR).shape == (1, 3)


def test_selected_series_keep_their_counts() -> None:
    """In the order asked for."""
    made = grid({KEYS[0]: {3: 2}, KEYS[1]: {5: 1}}).select((KEYS[1], SeriesKey(entity="NEW"), KEYS[0]))
    assert made.sums("negative", [T0], 2 * HOUR).tolist() == [[1, 0, 2]]


def test_without_a_story_there_is_one_less() -> None:
    """Of that series and minute alone; the grid itself stays as it was."""
    made, at = grid({KEYS[0]: {3: 2}, KEYS[1]: {3: 1}}), T0 - 2 * HOUR + timedelta(minutes=3, seconds=20)
    assert made.without(KEYS[0], at).sums("negative", [T0], 2 * HOUR).tolist() == [[1, 1, 0]]
    assert made.without(KEYS[0], at).sums("stories", [T0], 2 * HOUR).tolist() == [[3, 2, 0]]
    assert made.sums("negative", [T0], 2 * HOUR).tolist() == [[2, 1, 0]]


def test_ends_are_cut_to_whole_buckets() -> None:
    """A tick at 12:00:30 sees what is told before 12:00."""
    later: datetime = T0 + timedelta(seconds=30)
    made = grid({KEYS[0]: {119: 1}})
    assert (
        made.sums("negative", [later], MINUTE).tolist() == made.sums("negative", [T0], MINUTE).tolist() == [[1, 0, 0]]
    )


def test_a_part_of_a_grid_has_the_same_sums() -> None:
    """Cut in time, and narrowed to some series in another order."""
    made, start = grid({KEYS[0]: {3: 2, 70: 1}, KEYS[1]: {5: 1, 90: 4}}), T0 - 2 * HOUR
    part = made.cut(start + HOUR, T0)
    assert part.sums("negative", [T0], HOUR).tolist() == [[1, 4, 0]]
    assert part.sums("negative", [T0], 2 * HOUR).tolist() == [[1, 4, 0]]
    assert made.narrow(np.array([1, 0])).sums("stories", [T0], 2 * HOUR).tolist() == [[10, 6]]
    assert made.narrow(np.array([], dtype=np.int64)).sums("stories", [T0], HOUR).shape == (1, 0)
