"""Say how new it is that a story names an entity: when it was told before in, a number a look-back out. Pure.

100 when no document that came before told the story of the entity within the look-back, else a quarter less for each
that did, and 0 from the sixteenth on. Instants are microseconds of event time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from monitor.domain import LOOK_BACKS, NEW

REMEMBERED = 16  #: Tellings of a story that are kept; with so many nothing about it is new.
KEPT_BY_EACH = 0.75  #: Share of the novelty that one more telling leaves.

_SPANS_US = tuple(span // timedelta(microseconds=1) for span in LOOK_BACKS)
_BY_COUNT = (*(round(NEW * KEPT_BY_EACH**count) for count in range(REMEMBERED)), 0)
_ALL_NEW = (NEW,) * len(LOOK_BACKS)


def novelty(earlier_us: Sequence[int], at_us: int) -> tuple[int, ...]:
    """How new it is at `at_us`, one number each of `LOOK_BACKS`."""
    if not earlier_us:
        return _ALL_NEW
    return tuple(_BY_COUNT[sum(at_us - span <= told <= at_us for told in earlier_us)] for span in _SPANS_US)


def remember(earlier_us: Sequence[int], at_us: int) -> list[int]:
    """The latest tellings, with one more at `at_us`, the oldest first."""
    return sorted([*earlier_us, at_us])[-REMEMBERED:]
