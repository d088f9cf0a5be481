"""Baseline: how much was to be expected of each series. Pure: closed hours in, expectations out.

One `Baselines` serves one rule; each series is a row, so that all of them learn an hour at once. Three things are
followed: negative stories, their weight (the probabilities of being negative, summed over all stories) and all stories.

- **level**: of all stories an hour, exponentially weighted by the rule's half-life;
- **profile**: the hour of the week relative to the level (`alerts/profile.py`), renewed at midnight UTC;
- **share**: negative among all, and weight among all, shrunk towards the share of the series of its size class, as a
  gamma prior worth two stories: a series of one story a week has no negative share of its own;
- **dispersion**: variance over mean of single hours and of whole windows, by the method of moments on the residuals,
  shrunk towards that of all series; at least 1, which is Poisson;
- **correlation**: how much two stories of one day agree (Skellam's intra-class correlation), over all series.

A spike teaches little: an hour counts for no more than the 99 % quantile of what was expected, and hours that the
caller names (those of a firing alert) are not learned at all. All series begin together, at the first hour that is
kept of any: one that is met later had empty hours, and they count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from alerts import profile
from alerts.baseline_state import into, to_json
from alerts.detection import Floats
from alerts.profile import WEEK_H
from monitor.domain import EPOCH, SeriesKey

HOUR = timedelta(hours=1)
MEASURED = ("negative", "weight", "stories")
"""Rows of what is learned and expected, in this order."""
NEGATIVE, WEIGHT, STORIES = range(3)

UNCAPPED_H = 24  #: So many hours are learned as they are: before, there is no level to cap by.
PRIOR_STORIES, PRIOR_SHARE, PRIOR_WORTH = 2.0, 0.1, 50.0  #: Of a level in stories; of a share, and worth so many.
LEAST_RATE = 0.5 / 24  #: Stories an hour that are expected at least: fewer cannot be told from none in a few weeks.
ACTIVE_RATE = 0.02 / 24  #: Stories an hour below which a series is taken for silent.
PRIOR_DISPERSION, DISPERSION_WORTH = 1.5, 10.0  #: Before anything is known, worth so many expected stories.
PRIOR_CORRELATION, CORRELATION_WORTH = 0.02, 200.0  #: Likewise, worth so many pairs of stories.
SLOWER = 4.0  #: Profile, dispersion and correlation move so many times slower than the level.
Z_LEVEL, Z_SPREAD = 2.326, 4.753  #: Normal quantiles 99 % (level, profile) and 1 - 1e-6 (dispersion).
MAX_WINDOW_H = WEEK_H  #: Dispersion is taken over at most so many hours.
CLASSES = 8  #: Size classes: each four times as many stories as the one before, from one in two days on.

Skip = Callable[[SeriesKey, datetime], bool]
"""Whether a series must not learn the hour that begins then."""

Rows = npt.NDArray[np.int64]
Learned = npt.NDArray[np.bool_]


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
    """The baselines of one rule: `series` rows."""

    def __init__(self, *, series: int, half_life: timedelta, window: timedelta, since_h: int) -> None:
        self._window_h = min(window_hours(window), MAX_WINDOW_H)
        self._keep = 0.5 ** (HOUR / half_life)
        self._slow = self._keep ** (1.0 / SLOWER)
        each, both = (3, series), (2, 3, series)  # both: of single hours, of windows
        self._arrays = {
            "clock": np.array([since_h, since_h, 0.0]),  # since, until, hours since the profile was renewed
            "sums": np.zeros(each), "exposure": np.zeros(series), "hours": np.zeros(series),
            "squares": np.zeros(both), "means": np.zeros(both), "ring": np.zeros((self._window_h, 3, series)),
            "slot_stories": np.zeros((series, WEEK_H)), "slot_hours": np.zeros((series, WEEK_H)),
            "profile": np.ones((series, WEEK_H)), "pairs": np.zeros(2), "day": np.zeros((2, series)),
        }  # fmt: skip
        self._rates: Floats | None = None
        self._spread: Floats | None = None
        self._curve: Floats | None = None

    @property
    def since_h(self) -> int:
        """The first hour of the history, since 1970."""
        return int(self._arrays["clock"][0])

    @property
    def until_h(self) -> int:
        """Hours before this are learned."""
        return int(self._arrays["clock"][1])

    @property
    def rates(self) -> Floats:
        """Expected an hour of mean profile: [measured, series]."""
        if self._rates is None:
            self._rates = self._shrunk_rates()
        return self._rates

    @property
    def correlation(self) -> float:
        """How much two stories of one day agree beyond chance, over all series."""
        over, pairs = self._arrays["pairs"]
        return float(np.clip((over + CORRELATION_WORTH * PRIOR_CORRELATION) / (pairs + CORRELATION_WORTH), 1e-3, 0.5))

    def classes(self) -> Rows:
        """The size class of each series, by its stories."""
        return _size_class(self.rates[STORIES])

    def active(self) -> int:
        """Series that tell anything worth the name; at least 1."""
        level = self._arrays["sums"][STORIES] / np.maximum(self._arrays["exposure"], 1.0)
        return max(1, int(np.count_nonzero(level >= ACTIVE_RATE)))

    def expected(self, rows: Rows, ends_h: Floats, window: timedelta, *, flat: bool = False) -> Floats:
        """To be expected in `[end - window, end)` of pairs of row and end: [measured, pairs]; `flat`: no profile."""
        length_h = window / HOUR
        if flat:
            return np.asarray(self.rates[:, rows] * length_h)
        if self._curve is None:
            self._curve = profile.running(self._arrays["profile"])
        return np.asarray(self.rates[:, rows] * profile.spans(self._curve, rows, ends_h, length_h))

    def dispersion(self, window: timedelta) -> Floats:
        """Variance over mean of a window's sums: [measured, series]; at least 1, between hours and windows by size."""
        if self._spread is None:
            self._spread = self._dispersions()
        hour, whole = self._spread
        longest = np.log(max(self._window_h, 2))
        part = float(np.clip(np.log(max(window / HOUR, 1.0)) / longest, 0.0, 1.0)) if self._window_h > 1 else 0.0
        return np.asarray(hour + part * (whole - hour))

    def learn(self, hour: int, seen: Floats, learned: Learned) -> None:
        """Take in the next hour: [measured, series]; rows that are not `learned` only let time pass."""
        if hour != self.until_h:
            raise ValueError(f"hour {hour} where {self.until_h} is next")
        arrays, slot = self._arrays, profile.slot_of(hour)
        factor = arrays["profile"][:, slot]
        mean, spread = self.rates * factor, self._dispersions()[0]
        young = arrays["hours"] < UNCAPPED_H
        count = np.where(young, seen, np.minimum(seen, upper_quantile(mean, spread, Z_LEVEL)))
        wide = np.where(young, seen, np.minimum(seen, upper_quantile(mean, spread, Z_SPREAD)))
        self._learn_spread(hour, wide - mean, mean, learned & ~young)
        np.copyto(arrays["sums"], arrays["sums"] * self._keep + count, where=learned)
        np.copyto(arrays["exposure"], arrays["exposure"] * self._keep + factor, where=learned)
        week = self._slow**WEEK_H
        for name, value in (("slot_stories", count[STORIES]), ("slot_hours", 1.0)):
            cell = arrays[name][:, slot]
            np.copyto(cell, cell * week + value, where=learned)
        arrays["day"] += np.where(learned, count[[NEGATIVE, STORIES]], 0.0)
        arrays["hours"] += learned
        arrays["clock"][1] = hour + 1
        self._rates = self._spread = None
        if (hour + 1) % 24 == 0:
            self._close_day()

    def history(self) -> timedelta:
        """The span that the baselines rest on."""
        return (self.until_h - self.since_h) * HOUR

    def dump(self) -> dict[str, object]:
        """All that was learned, as JSON values."""
        return to_json(self._arrays)

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from what `dump` gave, exactly; raises `ValueError` when it does not fit this rule."""
        into(state, self._arrays)
        self._rates = self._spread = self._curve = None

    def _learn_spread(self, hour: int, residual: Floats, mean: Floats, learned: Learned) -> None:
        arrays = self._arrays
        arrays["ring"][hour % self._window_h] = np.where(learned, residual, 0.0)
        of_window = arrays["ring"].sum(axis=0) ** 2 / self._window_h
        for which, squares in enumerate((residual**2, of_window)):
            for name, value in (("squares", squares), ("means", mean)):
                np.copyto(arrays[name][which], arrays[name][which] * self._slow + value, where=learned)

    def _close_day(self) -> None:
        """Renew the profile, and take the day's stories for how much they agree."""
        arrays = self._arrays
        known_h = self.until_h - self.since_h
        arrays["profile"][...] = profile.factors(arrays["slot_stories"], arrays["slot_hours"], known_h)
        self._curve = None
        negative, stories = arrays["day"]
        share = self.rates[NEGATIVE] / self.rates[STORIES]
        over = (negative - stories * share) ** 2 / (share * (1.0 - share)) - stories
        pairs = stories * (stories - 1.0)
        some = pairs > 0.0
        arrays["pairs"] *= self._slow**24
        arrays["pairs"] += (over[some].sum(), pairs[some].sum())
        arrays["day"][...] = 0.0

    def _shrunk_rates(self) -> Floats:
        sums, exposure = self._arrays["sums"], self._arrays["exposure"]
        stories = sums[STORIES]
        level = np.maximum(stories / np.maximum(exposure, 1.0), LEAST_RATE)
        size = _size_class(level)
        told = np.bincount(size, stories, minlength=CLASSES)
        rates = np.empty_like(sums)
        rates[STORIES] = level
        for which in (NEGATIVE, WEIGHT):
            overall = (sums[which].sum() + PRIOR_WORTH * PRIOR_SHARE) / (stories.sum() + PRIOR_WORTH)
            share = (np.bincount(size, sums[which], minlength=CLASSES) + PRIOR_WORTH * overall) / (told + PRIOR_WORTH)
            prior = np.minimum(share[size], 0.98) * level
            mean = (sums[which] + PRIOR_STORIES) / (exposure + PRIOR_STORIES / prior)
            rates[which] = np.minimum(mean, 0.98 * level)
        return rates

    def _dispersions(self) -> Floats:
        squares, means = self._arrays["squares"], self._arrays["means"]
        worth = DISPERSION_WORTH
        together = (squares.sum(axis=2) + worth * PRIOR_DISPERSION) / (means.sum(axis=2) + worth)
        own = (squares + worth * together[..., np.newaxis]) / (means + worth)
        return np.asarray(np.maximum(1.0, own))


def _size_class(level: Floats) -> Rows:
    size = np.ceil(np.log(level / LEAST_RATE) / np.log(4.0) - 1e-9)
    return np.asarray(np.clip(size, 0, CLASSES - 1).astype(np.int64))
