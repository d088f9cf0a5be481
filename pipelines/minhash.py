"""Sketch sets of features so that similar sets share keys: hashed features of a batch in, band keys out.

MinHash: the smallest value of a random permutation over a set is the same for two sets with the probability of their
Jaccard similarity (Broder, On the resemblance and containment of documents, 1997). Rows of it are joined to bands, so
that similar sets very likely share at least one band and others very rarely do (Indyk and Motwani, 1998; Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3). The permutations are drawn from a fixed seed: keys are
stored, and must be the same in every process.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Keys: TypeAlias = NDArray[np.uint64]

BANDS = 16  #: Keys of a set.
ROWS = 4  #: Permutations joined to one key.
_SEED = 20261105

_DRAWN = np.random.default_rng(_SEED).integers(0, 2**64, size=(2, BANDS * ROWS), dtype=np.uint64)
_TIMES, _PLUS = _DRAWN[0] | np.uint64(1), _DRAWN[1]
_SALTS = np.random.default_rng(_SEED + 1).integers(0, 2**64, size=BANDS, dtype=np.uint64)


def mixed(values: Keys) -> Keys:
    """Spread values over all bits: the finaliser of splitmix64 (Steele, Lea and Flood, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def band_keys(features: Keys, starts: NDArray[np.int64]) -> Keys:
    """Keys of each set, one row a set; set k is `features[starts[k]:starts[k + 1]]`, and none is empty."""
    signatures = _signatures(features, starts).reshape(BANDS, ROWS, -1)
    keys = np.repeat(_SALTS[:, None], len(starts), axis=1)
    for row in range(ROWS):
        keys = mixed(keys + signatures[:, row])
    return keys.T


def _signatures(features: Keys, starts: NDArray[np.int64]) -> Keys:
    """Smallest values of each set, one row a permutation."""
    found = np.empty((BANDS * ROWS, len(starts)), np.uint64)
    permuted = np.empty_like(features)
    # One permutation after the other stays in the processor's cache: six times as fast as all at once.
    for times, plus, smallest in zip(_TIMES, _PLUS, found, strict=True):
        np.multiply(features, times, out=permuted)
        np.add(permuted, plus, out=permuted)
        np.minimum.reduceat(permuted, starts, out=smallest)
    return found
