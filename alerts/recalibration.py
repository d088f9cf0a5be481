"""Recalibration: how often a score as high as this comes by chance, learned from quiet history. Pure.

A score says how unlikely a model finds what it sees; models are wrong, sliding windows overlap, and a tick comes every
minute. What a person is woken by is an *episode*: from the first tick at which a rule would fire until its condition no
longer holds. So what is counted here is the peaks of episodes, pooled over all series of a size class: peaks over a
threshold, as hydrologists count floods (Davison and Smith, Models for exceedances over high thresholds, JRSS B 52
(1990); Coles, An Introduction to Statistical Modeling of Extreme Values, chapters 4 and 5, runs declustering).

Up to a threshold that twenty peaks lie above, the rate of episodes is what was counted; beyond it the tail goes on as
an exponential, whose scale is estimated from the peaks up to the level that a fifth of them pass (censored maximum
likelihood). Real events lie among the peaks, at the far end: so they have no say in how the tail goes on.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from alerts.baseline import CLASSES, Rows
from alerts.detection import Floats

BINS, WIDTH = 240, 0.25  #: Peaks are kept by score: 0 to 60 nats.
WEEK_DAYS = 7.0
NONE = -1.0  #: Peak of a series that is in no episode.
PRIOR_WEEKS, PRIOR_SCALE = 100.0, 4.0  #: Before anything is known: exp(-score / scale) a week, worth so many weeks.
CLASS_WEEKS = 200.0  #: What all classes together say is worth so many series-weeks of one class.
PEAKS = 20.0  #: Above the threshold where the exponential tail begins.
CENSORED = 0.2  #: Share of those peaks of which only that they lie far out is used.
LEAST_SCALE, MOST_SCALE = 0.3, 6.0  #: Of the exponential tail, in nats.

EDGES = WIDTH * np.arange(BINS)


class Recalibration:
    """Peaks of one rule, and the rates that follow from them."""

    def __init__(self, *, series: int, keep: float) -> None:
        self._keep = keep  # what a day leaves of what was known
        self.arrays = {
            "peaks": np.zeros((CLASSES, BINS)), "weeks": np.zeros(CLASSES), "open": np.full(series, NONE),
        }  # fmt: skip
        self._table: tuple[Floats, Floats] | None = None

    @property
    def open(self) -> Rows:
        """Rows that are in an episode."""
        return np.flatnonzero(self.arrays["open"] > NONE)

    def note(self, rows: Rows, scores: Floats) -> None:
        """Take in scores of an hour, where a rule could have fired; NaN or minus infinity is none."""
        some = np.isfinite(scores)
        np.maximum.at(self.arrays["open"], rows[some], np.clip(scores[some], 0.0, EDGES[-1]))

    def close(self, rows: Rows, classes: Rows) -> None:
        """End the episodes of `rows`; `classes` are those of all series."""
        for row in rows:
            self.arrays["peaks"][classes[row], int(self.arrays["open"][row] / WIDTH)] += 1.0
        self.arrays["open"][rows] = NONE
        self._table = None

    def pass_day(self, classes: Rows) -> None:
        """A day of every series went by."""
        self.arrays["peaks"] *= self._keep
        self.arrays["weeks"] *= self._keep
        self.arrays["weeks"] += np.bincount(classes, minlength=CLASSES) / WEEK_DAYS
        self._table = None

    def forget_table(self) -> None:
        """The arrays were filled from outside."""
        self._table = None

    def rate(self, scores: Floats, classes: Rows) -> Floats:
        """Episodes a week that one series of a class has by chance with peaks of at least `scores`."""
        logs, slopes = self._table = self._table or self._tables()
        place = np.clip(scores, 0.0, EDGES[-1]) / WIDTH
        low = np.minimum(place.astype(np.int64), BINS - 2)
        inside = logs[classes, low] + (place - low) * (logs[classes, low + 1] - logs[classes, low])
        beyond = np.maximum(scores - EDGES[-1], 0.0) * slopes[classes]
        return np.asarray(np.where(scores >= 0.0, np.exp(inside - beyond), np.inf))

    def _tables(self) -> tuple[Floats, Floats]:
        """Logarithms of the rates at `EDGES`, [classes, bins], and how steep they go on beyond, [classes]."""
        peaks, weeks = self.arrays["peaks"], self.arrays["weeks"]
        above = np.cumsum(peaks[:, ::-1], axis=1)[:, ::-1]
        prior = PRIOR_WEEKS * np.exp(-EDGES / PRIOR_SCALE)
        together = _with_tail(above.sum(axis=0) + prior, float(weeks.sum()) + PRIOR_WEEKS)
        logs, slopes = np.empty_like(peaks), np.empty(CLASSES)
        for number in range(CLASSES):
            own = above[number] + CLASS_WEEKS * together
            rates = _with_tail(own, float(weeks[number]) + CLASS_WEEKS)
            logs[number] = np.log(np.maximum(rates, 1e-300))
            slopes[number] = (logs[number, -5] - logs[number, -1]) / (4 * WIDTH)
        return logs, slopes


def _with_tail(above: Floats, weeks: float) -> Floats:
    """Rates at `EDGES`: those counted up to the threshold, an exponential tail from there on."""
    start = max(int(np.searchsorted(-above, -PEAKS, side="right")) - 1, 0)
    limit = max(int(np.searchsorted(-above, -CENSORED * above[start], side="right")), start + 2)
    limit = min(limit, BINS - 1)
    lost = above[start] - above[limit]
    scale = float(above[start:limit].sum() * WIDTH / lost) - WIDTH / 2 if lost > 0.0 else MOST_SCALE
    scale = min(max(scale, LEAST_SCALE), MOST_SCALE)
    rates = above / weeks
    rates[start:] = rates[start] * np.exp(-(EDGES[start:] - EDGES[start]) / scale)
    return np.asarray(rates)


def keep_of(half_life: timedelta) -> float:
    """What a day leaves of what was known before it."""
    return float(0.5 ** (timedelta(days=1) / half_life))
