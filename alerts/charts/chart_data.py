"""What a chart of an alert shows: a detector and counts in, a `Chart` out. Pure.

The window that spoke is followed over the last days. Expectations are those of the detector as it is at the end, for
each hour of the week; the limit is drawn where as unlikely a count as the rule needs at the end would lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt

import numpy as np

from alerts.baseline import HOUR
from alerts.charts.chart import Chart
from alerts.charts.what_if import MOST, stories_needed
from alerts.detection import negative_binomial_tail
from alerts.detector import Detector
from alerts.grid import CountGrid, Floats
from alerts.messages.evidence_words import outcome_words
from alerts.messages.words import span_words
from monitor.domain import Evidence, HorizonReading, Measure, SeriesKey, floor_to

SHORT, LONG = timedelta(days=3), timedelta(days=7)  #: Shown of a window of hours, and of one of a day or more.
A_DAY = timedelta(days=1)
Z = 1.645  #: Normal quantile 95 %.
HALVINGS = 40  #: From thousands of stories to a millionth of one.

Spans = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """One point of time."""

    seen: float
    expected: float
    dispersion: float

    @property
    def low(self) -> float:
        """A low quantile of what is to be expected, by Cornish and Fisher's expansion as in `upper_quantile`."""
        return max(0.0, self._mean_and_skew() - Z * sqrt(self.dispersion * self.expected))

    @property
    def high(self) -> float:
        """A high one."""
        return self._mean_and_skew() + Z * sqrt(self.dispersion * self.expected)

    def _mean_and_skew(self) -> float:
        return self.expected + (Z * Z - 1.0) / 6.0 * (2.0 * self.dispersion - 1.0)


def shown_span(window: timedelta) -> timedelta:
    """How much of the past is shown of a window."""
    return LONG if window >= A_DAY else SHORT


def chart_of(
    detector: Detector, grid: CountGrid, key: SeriesKey, evidence: Evidence, *, name: str, fired: Spans = ()
) -> Chart:
    """The chart of `evidence`; `grid` reaches back over the span that is shown, and a window more."""
    end, window = evidence.window_end_at, evidence.window_end_at - evidence.window_start_at
    ends = _hours(end - shown_span(window), end)
    points = [_point(detector, grid, key, at, window, evidence.measure) for at in ends]
    what = "stories" if evidence.measure is Measure.DROP else "negative stories"
    field = "stories" if evidence.measure is Measure.DROP else "negative"
    hourly = [grid.sums(field, [at], at - before)[0, grid.keys.index(key)] for before, at in _pairs(ends)]
    return Chart(
        title=f"{name}: {outcome_words(evidence)}",
        counted=f"{what} in {span_words(window)}",
        ends=tuple(ends),
        seen=tuple(point.seen for point in points),
        expected=tuple(point.expected for point in points),
        low=tuple(point.low for point in points),
        high=tuple(point.high for point in points),
        fires_from=_limits(detector, grid, key, evidence, points),
        hourly=(0.0, *map(float, hourly)),
        fired=tuple(fired),
    )


def _hours(start: datetime, end: datetime) -> list[datetime]:
    """Whole hours after `start`, and `end`."""
    first = floor_to(start, HOUR) + HOUR
    return [first + HOUR * place for place in range(-((first - end) // HOUR))] + [end]


def _pairs(ends: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    return list(pairwise(ends))


def _point(
    detector: Detector, grid: CountGrid, key: SeriesKey, end: datetime, window: timedelta, measure: Measure
) -> _Point:
    """What was counted in the window and what was expected, as counts, whatever spoke."""
    reading = detector.scan(grid, [end]).reading(0, key)
    counted = Measure.DROP if measure is Measure.DROP else Measure.VOLUME
    horizon = _horizon(reading.horizons, window, counted)
    column = grid.keys.index(key)
    seen = float(grid.sums("stories" if counted is Measure.DROP else "negative", [end], window)[0, column])
    if horizon is None:
        return _Point(seen=seen, expected=reading.expected, dispersion=max(reading.dispersion, 1.0))
    if horizon.measure is not Measure.SHARE:
        return _Point(seen=seen, expected=horizon.expected, dispersion=max(horizon.dispersion, 1.0))
    stories = float(grid.sums("stories", [end], window)[0, column])
    spread = max(horizon.dispersion * (1.0 - horizon.expected), 1.0)
    return _Point(seen=seen, expected=horizon.expected * stories, dispersion=spread)


def _horizon(horizons: Sequence[HorizonReading], window: timedelta, counted: Measure) -> HorizonReading | None:
    """That of the window, of the measure where there is one."""
    same = [horizon for horizon in horizons if horizon.window_s == window.total_seconds()]
    return next((horizon for horizon in same if horizon.measure is counted), next(iter(same), None))


def _limits(
    detector: Detector, grid: CountGrid, key: SeriesKey, evidence: Evidence, points: Sequence[_Point]
) -> tuple[float, ...]:
    """The count at which the rule fires, at each point; empty where no count would do or it is not known."""
    if evidence.measure is Measure.DROP:
        return ()
    end, window = evidence.window_end_at, evidence.window_end_at - evidence.window_start_at
    needed = stories_needed(detector, grid, key, end, window)
    if not needed:
        return ()
    means, spreads = (np.array([getattr(point, name) for point in points]) for name in ("expected", "dispersion"))
    p = negative_binomial_tail(np.array([float(needed)]), means[-1:], spreads[-1:])[0]
    limits = np.maximum(_as_rare(p, means, spreads), detector.rule.gates.min_count)
    return (*limits[:-1].tolist(), float(needed))


def _as_rare(p: float, means: Floats, spreads: Floats) -> Floats:
    """The counts, fractions included, whose tails are `p`: halved in between until there is nothing left to halve."""
    low, high = np.ones_like(means), np.full_like(means, 2.0 * MOST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        common = negative_binomial_tail(middle, means, spreads) > p
        low, high = np.where(common, middle, low), np.where(common, high, middle)
    return high
