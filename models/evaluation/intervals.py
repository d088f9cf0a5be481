"""Bootstrap intervals: how far a measure moves when other rows of the same kind had been drawn. Pure numpy.

Rows that belong together (the entities of one headline) are drawn together; the same rows and seed give the same
interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[np.float64]
Groups = NDArray[np.int64]

RESAMPLES = 1000
INTERVAL = 0.95
SEED = 13

_DRAWS_AT_ONCE = 2_000_000  #: Bounds the memory.


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measure with its 95 % interval."""

    value: float
    low: float
    high: float


Measure = Callable[[Array], Mapping[str, Array]]
"""Sums over rows, in the last dimension, to measures."""


def estimates(sums: csr_array, measure: Measure, *, groups: Groups | None = None, resamples: int = RESAMPLES,
              seed: int = SEED) -> dict[str, Estimate]:  # fmt: skip
    """Every measure of the rows of `sums`, with its interval over resamples of rows, or of whole `groups` of rows."""
    values = measure(np.asarray(sums.sum(axis=0)))
    drawn = measure(resampled(sums, groups=groups, resamples=resamples, seed=seed))
    tail = (1 - INTERVAL) / 2
    spans = {name: np.quantile(found, [tail, 1 - tail], axis=0) for name, found in drawn.items()}
    return {name: Estimate(value=float(value), low=float(spans[name][0]), high=float(spans[name][1]))
            for name, value in values.items()}  # fmt: skip


def resampled(sums: csr_array, *, groups: Groups | None = None, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """Totals of each resample: resamples x columns."""
    units = sums if groups is None else _grouped(sums, groups)
    count = units.shape[0]
    random = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // count)
    parts = [_totals(units, random, min(step, resamples - start)) for start in range(0, resamples, step)]
    return np.concatenate(parts)


def _totals(units: csr_array, random: np.random.Generator, resamples: int) -> Array:
    count = units.shape[0]
    drawn = random.integers(0, count, size=(resamples, count)) + np.arange(resamples)[:, None] * count
    times = np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count)
    return np.asarray((units.T @ times.T.astype(float)).T)


def _grouped(sums: csr_array, groups: Groups) -> csr_array:
    _, owner = np.unique(groups, return_inverse=True)
    rows = np.arange(len(groups))
    return csr_array((np.ones(len(rows)), (owner, rows)), shape=(int(owner.max()) + 1, len(rows))) @ sums
