"""Invented streams of counts: as many series as wanted, with day and night, moods and bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from alerts.baseline import EPOCH
from alerts.detector import Detector
from alerts.grid import CountGrid, Numbers
from alerts.scan import Scan
from monitor.domain import SeriesKey
from monitor.settings import Rule
from tests.unit.alerts.build import HOUR

BUCKET = timedelta(minutes=5)
PER_HOUR = HOUR // BUCKET


def ruled(**settings: object) -> Rule:
    """A rule with the defaults that users get."""
    return Rule.model_validate({"name": "NegativeSpike", **settings})


@dataclass(frozen=True)
class Stream:
    """Entries by slot, as a grid holds them."""

    keys: tuple[SeriesKey, ...]
    start: datetime
    slots: Numbers
    columns: Numbers
    values: Numbers

    def grid(self, start: datetime, end: datetime) -> CountGrid:
        """The counts of a span."""
        low, high = np.searchsorted(self.slots, [(at - EPOCH) // BUCKET for at in (start, end)])
        part = slice(low, high)
        return CountGrid(self.keys, start, end, BUCKET, self.slots[part], self.columns[part], self.values[:, part])


def stream(
    rng: np.random.Generator, *, start: datetime, weeks: int, a_day: Sequence[float], share: float = 0.1,
    clumped: float = 0.0, mood: float = 0.0, season: float = 0.8, burst: tuple[int, int, float] | None = None,
) -> Stream:  # fmt: skip
    """So many stories a day in each series, of which `share` is negative.

    `clumped`: dispersion over Poisson of an hour (gamma rates); `mood`: intra-class correlation of a day's stories;
    `season`: how far day and night differ, in [0, 1]; `burst`: series, hour, and the multiple of its negative stories
    that an hour has more.
    """
    hours = weeks * 168
    of_day = 1.0 + season * np.cos((np.arange(hours) % 24 - 15.0) / 24.0 * 2.0 * np.pi)
    rates = np.asarray(a_day)[np.newaxis, :] / 24.0 * of_day[:, np.newaxis]
    if clumped > 0.0:
        rates = rng.gamma(np.maximum(rates / clumped, 1e-9), clumped)
    stories = rng.poisson(rates)
    shares = np.full((weeks * 7, len(a_day)), share)
    if mood > 0.0:
        worth = (1.0 - mood) / mood
        shares = rng.beta(share * worth, (1.0 - share) * worth, shares.shape)
    negative = rng.binomial(stories, np.repeat(shares, 24, axis=0))
    if burst is not None:
        row, hour, more = burst
        extra = rng.poisson(more * share * a_day[row] / 24.0 * of_day[hour])
        negative[hour, row] += extra
        stories[hour, row] += extra
    return _spread(rng, start, negative, stories)


def _spread(rng: np.random.Generator, start: datetime, negative: Numbers, stories: Numbers) -> Stream:
    """Each story in a slot of its hour."""
    slots, columns, bad = [], [], []
    for kind, counts in ((True, negative), (False, stories - negative)):
        hour, column = np.nonzero(counts)
        times = counts[hour, column]
        hour, column = np.repeat(hour, times), np.repeat(column, times)
        slots.append((start - EPOCH) // BUCKET + hour * PER_HOUR + rng.integers(0, PER_HOUR, len(hour)))
        columns.append(column)
        bad.append(np.full(len(hour), kind))
    slot, column, is_bad = np.concatenate(slots), np.concatenate(columns), np.concatenate(bad)
    weight = np.where(is_bad, rng.beta(8.0, 2.0, len(slot)), rng.beta(1.0, 15.0, len(slot)))
    ones = np.ones(len(slot), dtype=np.int64)
    values = np.stack([is_bad.astype(np.int64), np.round(weight * 1e6).astype(np.int64), ones, 0 * ones])
    order = np.argsort(slot, kind="stable")
    keys = tuple(SeriesKey(entity=f"E{n:04d}") for n in range(stories.shape[1]))
    return Stream(keys, start, slot[order], column[order], values[:, order])


def taught(rule: Rule, told: Stream, until: datetime) -> Detector:
    """A detector that is ready to judge the hour that begins at `until`."""
    detector = Detector(rule, told.keys, bucket=BUCKET, since=told.start)
    detector.learn(told.grid(detector.learned_until, until), until=until - detector.lookback)
    return detector


def scanned(detector: Detector, told: Stream, hour: datetime) -> Scan:
    """Every tick of the hour that begins then."""
    ends = [hour + n * BUCKET for n in range(1, PER_HOUR + 1)]
    return detector.scan(told.grid(hour - detector.lookback, hour + HOUR), ends)
