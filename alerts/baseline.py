"""Baseline: how many negative stories were to be expected. Pure: counts in, expectations out.

One `Baselines` serves one rule; each series is a row, so that all of them learn an hour at once. For every series:

- **level**: negative stories an hour, exponentially weighted by the rule's half-life, half a story of prior;
- **profile**: the hour of the week relative to the level, with a slower half-life: 24 hours x weekday or weekend, and
  from eight weeks on each of the 168 hours, shrunk towards flat by pseudo-counts where little is known;
- **dispersion**: variance over mean of whole windows (sums of hours, as the rule judges them), by the method of moments
  on the residuals; at least 1, which is Poisson.

A spike teaches little: an hour counts for no more than the 99 % quantile of what was expected, and hours that the
caller names (those of a firing alert) are not learned at all. Row 0 is the series that never had a negative story; a
series first met later is a copy of it, because its empty hours count too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from alerts import baseline_state as stored
from alerts.baseline_state import WEEK_H
from alerts.detection import Floats
from monitor.domain import SeriesKey

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_SLOT = 72  #: The epoch was a Thursday; slot 0 is Monday, 0 to 1 UTC.
WEEKEND_SLOT = 120  #: Saturday, 0 to 1 UTC.
OWN_HOURS_FROM = 8 * WEEK_H  #: Hours known before each hour of the week gets a factor of its own.
UNCAPPED_H = 24  #: So many hours are learned as they are: before, there is no level to cap by.
PRIOR_STORIES, PRIOR_HOURS = 0.5, 1.0  #: Jeffreys' prior for a rate, and a little exposure to begin with.
PSEUDO_COUNT = 6.0  #: Expected stories at which a slot's own factor weighs as much as the flat one.
PRIOR_DISPERSION, PRIOR_WEIGHT = 2.0, 5.0  #: Dispersion before anything is known, worth so many expected stories.
SLOWER = 4.0  #: Profile and dispersion move so many times slower than the level.
Z_LEVEL, Z_SPREAD = 2.326, 4.753  #: Normal quantiles 99 % (level, profile) and 1 - 1e-6 (dispersion).
MAX_WINDOW_H = WEEK_H  #: Dispersion is taken over at most so many hours.
BLOCK_H = 1000  #: Hours laid out at once; bounds the memory of a cold start.

Skip = Callable[[SeriesKey, datetime], bool]
Hourly = Mapping[SeriesKey, Mapping[datetime, int]]


def hour_number(at: datetime) -> int:
    """Whole hours since 1970 at `at`, rounded down."""
    return (at - EPOCH) // HOUR


def hour_start(number: int) -> datetime:
    """The instant at which hour `number` begins."""
    return EPOCH + number * HOUR


def window_hours(window: timedelta) -> int:
    """Hours that touch a window: its length rounded up, at least 1."""
    return max(1, -(-window // HOUR))


def upper_quantile(mean: Floats, dispersion: Floats, z: float) -> Floats:
    """A high quantile of a negative binomial, by Cornish and Fisher's expansion up to the skewness; at least 1.

    Its standard deviation times its skewness is 2 * dispersion - 1, which leaves no special function to evaluate.
    """
    raw = mean + z * np.sqrt(dispersion * mean) + (z * z - 1.0) / 6.0 * (2.0 * dispersion - 1.0)
    return np.asarray(np.maximum(1.0, np.ceil(raw)), dtype=np.float64)


class Baselines:
    """The baselines of one rule."""

    def __init__(self, *, half_life: timedelta, window: timedelta, since: datetime) -> None:
        self._window_h = min(window_hours(window), MAX_WINDOW_H)
        self._keep = 0.5 ** (HOUR / half_life)
        self._keep_slow = self._keep ** (1.0 / SLOWER)
        self._rows = stored.blank(self._window_h, since_h=hour_number(since))
        self._index: dict[SeriesKey, int] = {stored.NEVER_SEEN: 0}

    @property
    def learned_until(self) -> datetime:
        """Hours before this are learned by every series."""
        return hour_start(int(self._rows["until"].min()))

    def add(self, keys: Iterable[SeriesKey]) -> None:
        """Follow `keys` too; those not followed yet begin like a series that never had a negative story."""
        new = [key for key in dict.fromkeys(keys) if key not in self._index]
        if new:
            self._index.update({key: len(self._rows) + i for i, key in enumerate(new)})
            self._rows = np.concatenate([self._rows, np.repeat(self._rows[:1], len(new))])

    def learn(self, counts: Hourly, *, until: datetime, skip: Skip | None = None) -> bool:
        """Learn every hour before `until` that is not learned yet; hours absent from `counts` are empty.

        `skip` names hours that must not be learned. Returns whether there was any hour to learn.
        """
        self.add(key for key, hours in counts.items() if hours)
        end, before = hour_number(until), self._rows["until"].copy()
        for start in np.unique(before[before < end]):
            rows = np.flatnonzero(before == start)
            for first in range(int(start), end, BLOCK_H):
                self._learn_block(rows, counts, range(first, min(first + BLOCK_H, end)), skip)
        return bool((before < end).any())

    def expected(self, keys: Sequence[SeriesKey], start: datetime, end: datetime) -> Floats:
        """Negative stories to be expected in `[start, end)`, for each of `keys`; parts of hours count in proportion."""
        rows = self._take(keys)
        total = np.zeros(len(rows))
        for number in range(hour_number(start), hour_number(end) + 1):
            begin = hour_start(number)
            share = (min(end, begin + HOUR) - max(start, begin)) / HOUR
            if share > 0.0:
                total += share * _profile(rows, _slot(number))
        return np.asarray(_level(rows) * total, dtype=np.float64)

    def dispersion(self, keys: Sequence[SeriesKey]) -> Floats:
        """Variance over mean of a window's count, for each of `keys`; at least 1."""
        return _dispersion(self._take(keys))

    def history(self, keys: Sequence[SeriesKey]) -> list[timedelta]:
        """The span that each baseline rests on."""
        rows = self._take(keys)
        return [int(hours) * HOUR for hours in rows["until"] - rows["since"]]

    def dump(self) -> dict[SeriesKey, tuple[datetime, dict[str, object]]]:
        """Every series with what it has learned until when, as JSON values."""
        return {
            key: (hour_start(int(self._rows["until"][i])), stored.to_json(self._rows[i]))
            for key, i in self._index.items()
        }

    def load(self, states: Mapping[SeriesKey, Mapping[str, object]]) -> None:
        """Go on from what `dump` gave, exactly; raises `ValueError` when it does not fit this rule."""
        if stored.NEVER_SEEN not in states:
            raise ValueError("no state of the series that was never seen")
        keys = sorted(states, key=lambda key: key != stored.NEVER_SEEN)  # stable: row 0 first
        self._rows = np.concatenate([stored.from_json(states[key], self._window_h) for key in keys])
        self._index = {key: i for i, key in enumerate(keys)}

    def _take(self, keys: Sequence[SeriesKey]) -> npt.NDArray[np.void]:
        return self._rows[[self._index.get(key, 0) for key in keys]]

    def _learn_block(self, rows: npt.NDArray[np.intp], counts: Hourly, hours: range, skip: Skip | None) -> None:
        keys = list(self._index)
        seen, learned = np.zeros((len(hours), len(rows))), np.ones((len(hours), len(rows)), dtype=np.bool_)
        for column, key in enumerate(keys[row] for row in rows):
            for at, number in counts.get(key, {}).items():
                if (hour := hour_number(at)) in hours:
                    seen[hour - hours.start, column] += number
            if skip is not None:
                learned[:, column] = [not skip(key, hour_start(hour)) for hour in hours]
        part = self._rows[rows]
        for i, hour in enumerate(hours):
            self._learn_hour(part, hour, seen[i], learned[i])
        part["until"] = hours.stop
        self._rows[rows] = part

    def _learn_hour(self, rows: npt.NDArray[np.void], hour: int, seen: Floats, learned: npt.NDArray[np.bool_]) -> None:
        slot, ring, keep, slow = _slot(hour), hour % self._window_h, self._keep, self._keep_slow
        profile, spread = _profile(rows, slot), _dispersion(rows)
        mean = _level(rows) * profile
        young = rows["hours"] < UNCAPPED_H
        count = np.where(young, seen, np.minimum(seen, upper_quantile(mean, spread, Z_LEVEL)))
        wide = np.where(young, seen, np.minimum(seen, upper_quantile(mean, spread, Z_SPREAD)))
        rows["residuals"][:, ring] = np.where(learned & ~young, wide - mean, 0.0)
        squared = rows["residuals"].sum(axis=1) ** 2 / self._window_h
        _put(rows["stories"], learned, rows["stories"] * keep + count)
        _put(rows["exposure"], learned, rows["exposure"] * keep + profile)
        _put(rows["squares"], learned & ~young, rows["squares"] * slow + squared)
        _put(rows["means"], learned & ~young, rows["means"] * slow + mean)
        week = slow**WEEK_H
        _put(rows["slot_stories"][:, slot], learned, rows["slot_stories"][:, slot] * week + count)
        _put(rows["slot_hours"][:, slot], learned, rows["slot_hours"][:, slot] * week + 1.0)
        rows["hours"] += learned


def _put(target: Floats, where: npt.NDArray[np.bool_], values: Floats) -> None:
    np.copyto(target, values, where=where)


def _slot(hour: int) -> int:
    return (hour + EPOCH_SLOT) % WEEK_H


def _level(rows: npt.NDArray[np.void]) -> Floats:
    return np.asarray((rows["stories"] + PRIOR_STORIES) / (rows["exposure"] + PRIOR_HOURS), dtype=np.float64)


def _dispersion(rows: npt.NDArray[np.void]) -> Floats:
    raw = (rows["squares"] + PRIOR_WEIGHT * PRIOR_DISPERSION) / (rows["means"] + PRIOR_WEIGHT)
    return np.asarray(np.maximum(1.0, raw), dtype=np.float64)


def _profile(rows: npt.NDArray[np.void], slot: int) -> Floats:
    """Factor of `slot` on the level. Its scale is free: the level's exposure is counted in the same factors."""
    stories, hours = rows["slot_stories"], rows["slot_hours"]
    rate = stories.sum(axis=1) / np.maximum(hours.sum(axis=1), 1.0)
    days = slice(slot % 24, WEEKEND_SLOT, 24) if slot < WEEKEND_SLOT else slice(WEEKEND_SLOT + slot % 24, WEEK_H, 24)
    factor = _shrunk(stories[:, days].sum(axis=1), hours[:, days].sum(axis=1) * rate)
    own = _shrunk(stories[:, slot], hours[:, slot] * rate * factor)
    return np.asarray(np.where(rows["hours"] >= OWN_HOURS_FROM, factor * own, factor), dtype=np.float64)


def _shrunk(seen: Floats, expected: Floats) -> Floats:
    return (seen + PSEUDO_COUNT) / (expected + PSEUDO_COUNT)
