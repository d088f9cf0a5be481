"""Find the stored texts that a new one may be a copy of: keys of texts in, row ids of the likeliest out.

Holds of each text its row id, two instants and, in a `KeyTable`, its keys: arrays alone, bounded by `max_texts`. The
oldest texts go in eighths, so that the cost of laying the table down anew is spread over many. For one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipelines.key_table import MAX_SLOT, PER_KEY, KeyTable
from pipelines.minhash import Keys

CANDIDATES = 8  #: Most texts that a new one is compared with.

Ids = NDArray[np.int64]

_LEAST_ROWS = 1024
_ID_BITS = 40
_ID = (1 << _ID_BITS) - 1
_IDS, _PUBLISHED, _ADDED = range(3)


class StoryIndex:
    """The texts of the last days by their keys."""

    def __init__(self, *, keys_per_text: int, max_texts: int, window_us: int) -> None:
        if not 0 < max_texts <= MAX_SLOT:
            raise ValueError(f"max_texts must be 1 to {MAX_SLOT}, got {max_texts}")
        self._keys_per_text = keys_per_text
        self._max_texts = max_texts
        self._window_us = window_us
        self._used = 0
        self._rows = np.empty((3, min(_LEAST_ROWS, max_texts)), np.int64)
        self._table = KeyTable(max_entries=max_texts * keys_per_text)

    def __len__(self) -> int:
        """Texts held."""
        return self._used

    @property
    def last_id(self) -> int:
        """The newest row id held; 0 before the first."""
        return int(self._rows[_IDS, self._used - 1]) if self._used else 0

    @property
    def memory_bytes(self) -> int:
        """Size of all arrays."""
        return self._table.memory_bytes + self._rows.nbytes

    def add(self, ids: Ids, keys: Keys, *, published_us: Ids, added_us: Ids) -> None:
        """Hold texts, one row of `keys` each, in ascending order of `ids`; the oldest go where there are too many."""
        kept = slice(max(0, len(ids) - self._max_texts), None)
        ids, keys = ids[kept], keys[kept]
        if (surplus := self._used + len(ids) - self._max_texts) > 0:
            self._drop(min(self._used, surplus + self._max_texts // 8))
        first, self._used = self._used, self._used + len(ids)
        self._make_room()
        self._rows[:, first : self._used] = ids, published_us[kept], added_us[kept]
        slots = np.arange(first + 1, self._used + 1)
        self._table.add(keys.reshape(-1), np.repeat(slots, self._keys_per_text))

    def forget(self, *, added_before_us: int) -> None:
        """Let go of the oldest texts that were added before, once they are an eighth of all."""
        if self._used and self._rows[_ADDED, self._used // 8] < added_before_us:
            young = self._rows[_ADDED, : self._used] >= added_before_us
            self._drop(int(young.argmax()) if young.any() else self._used)

    def find(self, keys: Keys, published_us: Ids) -> Ids:
        """Ids of the texts that share each key of each text and lie within the window, newest first; 0: no more.

        The shape is texts, keys of a text, texts of a key.
        """
        slots = self._table.find(keys.reshape(-1)).reshape(*keys.shape, PER_KEY)
        text, key, rank = np.nonzero(slots)
        rows = slots[text, key, rank] - 1
        near = np.abs(self._rows[_PUBLISHED, rows] - published_us[text]) <= self._window_us
        found = np.zeros(slots.shape, np.int64)
        found[text[near], key[near], rank[near]] = self._rows[_IDS, rows[near]]
        return found

    def _make_room(self) -> None:
        if self._used > (held := self._rows.shape[1]):
            larger = np.empty((3, min(max(2 * held, self._used), self._max_texts)), np.int64)
            larger[:, :held] = self._rows
            self._rows = larger

    def _drop(self, count: int) -> None:
        self._rows[:, : self._used - count] = self._rows[:, count : self._used].copy()
        self._used -= count
        self._table.drop(count)


def rank(found: Ids) -> list[list[int]]:
    """For each text the ids in its row of `found`: those that share most keys first, of equals the newest."""
    text, *_ = where = np.nonzero(found)
    pairs, shared = np.unique(text << _ID_BITS | found[where], return_counts=True)
    text, ids = pairs >> _ID_BITS, pairs & _ID
    order = np.lexsort((-ids, -shared, text))
    ends = np.searchsorted(text, np.arange(len(found) + 1)).tolist()
    ranked = ids[order].tolist()
    return [ranked[start : min(end, start + CANDIDATES)] for start, end in pairwise(ends)]


def rank_one(found: Sequence[Sequence[int]]) -> list[int]:
    """As `rank`, for the ids by key of one text."""
    shared: dict[int, int] = {}
    for ids in found:
        for id_ in ids:
            shared[id_] = shared.get(id_, 0) + 1
    shared.pop(0, None)
    return sorted(shared, key=lambda id_: (-shared[id_], -id_))[:CANDIDATES]
