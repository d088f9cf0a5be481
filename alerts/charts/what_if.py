"""What if: how many stories it would have taken. Pure: a detector and counts in, a number out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from alerts.detector import Detector
from alerts.grid import FIELDS, CountGrid
from monitor.domain import EPOCH, SeriesKey

STORY = {"negative": 1, "stories": 1, "negative_micro": 900_000}  #: What a story that is surely bad adds to a slot.
MOST = 4096  #: Stories; a rule that does not fire at so many does not fire for want of stories.


def stories_missing(detector: Detector, grid: CountGrid, key: SeriesKey, end: datetime) -> int | None:
    """The fewest negative stories in the last slot before `end` with which the rule would fire; 0 where it does.

    None where no number of them would do: it is something else that is missing, history for example.
    """

    def fires(stories: int) -> bool:
        return detector.fires(with_stories(grid, key, [end] * stories), key, end)

    return _fewest(fires)


def stories_needed(detector: Detector, grid: CountGrid, key: SeriesKey, end: datetime, window: timedelta) -> int | None:
    """The fewest negative stories, spread evenly over the window, at which the rule would fire; None as above.

    Every other story of the series is thought away from the longest window: the answer is the height of the bar, and
    not how much of it is left.
    """
    bare = _without(grid, key, end - max(detector.rule.windows), end)

    def fires(stories: int) -> bool:
        instants = [end - window * (place / stories) for place in range(stories)]
        return detector.fires(with_stories(bare, key, instants), key, end)

    return _fewest(fires)


def with_stories(grid: CountGrid, key: SeriesKey, ends: list[datetime]) -> CountGrid:
    """`grid` with a negative story of `key` more in the slot before each of `ends`."""
    column = grid.keys.index(key)
    slots = np.array([(end - EPOCH) // grid.bucket - 1 for end in ends], dtype=np.int64)
    more = np.array([[STORY.get(name, 0)] for name in FIELDS], dtype=np.int64)
    order = np.argsort(np.concatenate([grid.slots, slots]), kind="stable")
    return replace(
        grid,
        slots=np.concatenate([grid.slots, slots])[order],
        columns=np.concatenate([grid.columns, np.full(len(slots), column, dtype=np.int64)])[order],
        values=np.concatenate([grid.values, np.repeat(more, len(slots), axis=1)], axis=1)[:, order],
    )


def _without(grid: CountGrid, key: SeriesKey, start: datetime, end: datetime) -> CountGrid:
    """`grid` without what was counted of `key` in `[start, end)`."""
    first, last = ((at - EPOCH) // grid.bucket for at in (start, end))
    gone = (grid.columns == grid.keys.index(key)) & (grid.slots >= first) & (grid.slots < last)
    return replace(grid, slots=grid.slots[~gone], columns=grid.columns[~gone], values=grid.values[:, ~gone])


def _fewest(fires: Callable[[int], bool]) -> int | None:
    """The fewest with which it fires: first doubled until it does, then halved in between."""
    if fires(0):
        return 0
    low, high = 0, 1
    while not fires(high):
        low, high = high, high * 2
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    return high
