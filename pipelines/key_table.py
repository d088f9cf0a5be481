"""Keep which text holds which key, in one array: 64-bit keys and slots of texts in, slots that share a key out.

A hash table of buckets, each of eight cells, one cache line; a cell joins the upper 40 bits of a key and the 24 bits
of a slot, so that no object is kept for a text. A key that finds its bucket full goes on to the next (linear probing:
Knuth, The Art of Computer Programming, volume 3, section 6.4). Of each key the newest slots alone are kept, so that a
template which thousands of texts share makes no lookup long. Every step is vectorised over a whole batch.

Keys must be uniform over their upper bits. Slots count from 1, and a newer text has a higher one. Two promises: the
newest slot of a key is found (unless `REACH` buckets in a row are full), and what is found holds the key's upper 40
bits: of 20 million keys a foreign one agrees in those with a probability of 2 in 100,000.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipelines.minhash import Keys

PER_KEY = 4  #: Most slots that are kept of a key.
MAX_SLOT = 2**24 - 1

_CELLS = 8
REACH = 8  #: Buckets that are searched for a key.
_LOAD = 0.7  #: Share of the cells in use at which the table grows.
_GROWTH = 1.5
_LARGE = 1 / 8  #: A batch of so much of what is held is sorted in with the rest.
_LEAST_ENTRIES = 2**14
_PIECE = 2**20  #: Entries placed at once when the table is made anew: bounds what that needs beside the table.
_SLOT = np.uint64(MAX_SLOT)
_KEY = ~_SLOT
_HALF = np.uint64(32)
_EMPTY = np.uint64(0)


class KeyTable:
    """Slots by key; for one thread."""

    def __init__(self, *, max_entries: int) -> None:
        self._max_entries = max_entries
        self._buckets = 0
        self._used = 0
        self._table: Keys = np.empty((0, _CELLS), np.uint64)
        self._rebuild(np.empty(0, np.uint64))

    def __len__(self) -> int:
        """Entries kept."""
        return self._used

    @property
    def memory_bytes(self) -> int:
        """Size of the table."""
        return self._table.nbytes

    def find(self, keys: Keys) -> NDArray[np.int64]:
        """For each key the slots that hold it, newest first, `PER_KEY` of them; 0 where there are no more."""
        found = np.zeros((len(keys), PER_KEY), np.int64)
        open_, homes, wanted = np.arange(len(keys)), self._homes(keys), keys & _KEY
        for _ in range(REACH):
            lines = self._table[homes]
            match = (lines ^ wanted[:, None]) <= _SLOT
            own = match.any(axis=1)
            if own.any():
                slots = np.where(match[own], lines[own] & _SLOT, _EMPTY)
                found[open_[own]] = np.sort(slots, axis=1)[:, : -PER_KEY - 1 : -1]
            on = ~own & lines.all(axis=1)
            if not on.any():
                break
            open_, homes, wanted = open_[on], homes[on] + 1, wanted[on]
        return found

    def add(self, keys: Keys, slots: NDArray[np.int64]) -> None:
        """Keep that the text in `slots[i]` holds `keys[i]`; older texts stand before newer ones."""
        entries = (keys & _KEY) | slots.astype(np.uint64)
        # Placed one by one, the entries of a large batch would collide with each other over and over.
        if self._used + len(entries) > self._room or len(entries) > self._used * _LARGE:
            self._rebuild(np.concatenate([self._entries(), entries]))
        else:
            self._insert(entries)

    def drop(self, slots: int) -> None:
        """Forget the texts in slots 1 to `slots`; the slots of the others go down by as many."""
        entries = self._entries()
        self._rebuild(entries[(entries & _SLOT) > np.uint64(slots)] - np.uint64(slots))

    @property
    def _room(self) -> int:
        return int(self._buckets * _CELLS * _LOAD)

    def _homes(self, entries: Keys) -> NDArray[np.int64]:
        """The bucket of each; in the order of the keys, which lets a sorted list be laid down as it is."""
        return (((entries >> _HALF) * np.uint64(self._buckets)) >> _HALF).astype(np.int64)

    def _entries(self) -> Keys:
        entries: Keys = self._table[self._table != _EMPTY]
        return entries

    def _insert(self, entries: Keys) -> None:
        """Place `entries`, of each bucket one at a time, in their order."""
        homes = self._homes(entries)
        buckets = homes.copy()
        while len(entries):
            _, first = np.unique(buckets, return_index=True)
            placed = self._place(buckets[first], entries[first])
            buckets[first[~placed]] += 1
            left = buckets - homes < REACH
            left[first[placed]] = False
            entries, buckets, homes = entries[left], buckets[left], homes[left]

    def _place(self, buckets: NDArray[np.int64], entries: Keys) -> NDArray[np.bool_]:
        """Write each entry into its bucket, all different; false where the bucket is full of other keys."""
        lines = self._table[buckets]
        free = lines == _EMPTY
        own = ((lines ^ (entries & _KEY)[:, None]) <= _SLOT) & ~free
        count, room = own.sum(axis=1), free.any(axis=1)
        instead = (count >= PER_KEY) | (~room & (count > 0))
        oldest = np.where(own, lines, ~_EMPTY).argmin(axis=1)
        cells = np.where(instead, oldest, free.argmax(axis=1))
        placed: NDArray[np.bool_] = instead | room
        self._table[buckets[placed], cells[placed]] = entries[placed]
        self._used += int((room & ~instead).sum())
        return placed

    def _rebuild(self, entries: Keys) -> None:
        """Lay `entries` down anew, with room for more."""
        self._table = np.empty((0, _CELLS), np.uint64)  # let go of first: both at once would be twice the memory
        entries = _newest(entries)
        room = max(_LEAST_ENTRIES, len(entries), min(int(len(entries) * _GROWTH), self._max_entries))
        self._buckets = int(room / (_CELLS * _LOAD)) + 1
        self._table = np.zeros((self._buckets + REACH, _CELLS), np.uint64)
        self._used = 0
        cells, next_ = self._table.reshape(-1), 0
        for piece in _pieces(entries):
            homes = self._homes(piece) * _CELLS
            at = np.arange(len(piece))
            # Each goes into its own bucket or, where those before have filled it, right behind them.
            places = np.maximum(np.maximum.accumulate(homes - at), next_) + at
            near = places < homes + REACH * _CELLS
            cells[places[near]] = piece[near]
            self._used += int(near.sum())
            next_ = int(places[-1]) + 1


def _newest(entries: Keys) -> Keys:
    """By key, the newest first and no more than `PER_KEY` of them: what a lookup meets first is the newest."""
    entries ^= _SLOT
    entries.sort()
    entries ^= _SLOT
    keep = np.ones(len(entries), np.bool_)
    keep[PER_KEY:] = (entries[PER_KEY:] ^ entries[:-PER_KEY]) > _SLOT
    return entries[keep]


def _pieces(entries: Keys) -> Iterator[Keys]:
    for start in range(0, len(entries), _PIECE):
        yield entries[start : start + _PIECE]
