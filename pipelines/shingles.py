"""Turn words into hashed features of a batch: word numbers in, features of each text out.

Words and pairs of neighbours of a text whose words are spaced; pairs and triples of characters of one that is not, for
a single Chinese character says little. One edited word of twelve leaves three quarters of the features alone. The
opening words are a feature of their own kind, by which a copy is found of which little but the beginning is left.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pipelines.minhash import Keys, mixed

MAX_WORDS = 256  #: Of a text; of a longer one the beginning counts.
OPENING_WORDS = 4  #: Words of an opening; there are two, one behind the other.
OPENING_CHARACTERS = 8  #: The same of a text whose words are not spaced.

FIRST_UNSPACED = "\u0e00"  #: From here on scripts are written without spaces, or nearly so.
_PAIR, _TRIPLE, _START = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def is_unspaced(word: str) -> bool:
    """Whether a word is a character of a script that is written without spaces."""
    return word[0] >= FIRST_UNSPACED


@dataclass(frozen=True, slots=True, kw_only=True)
class Shingled:
    """Features of a batch, one text behind the other, and where each begins."""

    features: Keys
    starts: NDArray[np.int64]
    words: Keys  #: Hashed words, one text behind the other.
    unspaced: NDArray[np.bool_]  #: Whether each word is a character of a script without spaces.
    word_starts: NDArray[np.int64]
    word_counts: NDArray[np.int64]


def shingled(texts: Sequence[list[str]]) -> Shingled:
    """Features of texts given as their words, of which none is empty."""
    counts = np.fromiter((len(words) for words in texts), np.int64, len(texts))
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    every = list(chain.from_iterable(texts))
    words = mixed(np.fromiter(map(zlib.crc32, map(str.encode, every)), np.uint64, len(every)))
    unspaced = np.fromiter(map(is_unspaced, every), np.bool_, len(every))
    return _with_neighbours(words, unspaced, starts, counts)


def _with_neighbours(
    words: Keys, unspaced: NDArray[np.bool_], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> Shingled:
    """Two features a word: with the one before and alone or, of a lone character, with the two before."""
    first = np.zeros(len(words), np.bool_)
    first[starts] = True
    before = _shifted(words, first)
    pairs: Keys = mixed(words + before * _PAIR)
    triples = mixed(pairs + _shifted(before, first) * _TRIPLE)
    features = np.stack((np.where(unspaced, triples, words), pairs), axis=1).reshape(-1)
    return Shingled(features=features, starts=2 * starts, words=words, unspaced=unspaced, word_starts=starts,
                    word_counts=counts)  # fmt: skip


def _shifted(words: Keys, first: NDArray[np.bool_]) -> Keys:
    """For each word the one before it, in its text."""
    before: Keys = np.roll(words, 1)
    before[first] = _START
    return before


def opening_keys(of: Shingled, number: int) -> Keys:
    """A key of the opening of that number of each text, counted from 0; 0 for a text that ends before."""
    spaced = _run_keys(of, number * OPENING_WORDS, OPENING_WORDS)
    unspaced = _run_keys(of, number * OPENING_CHARACTERS, OPENING_CHARACTERS)
    return np.where(of.unspaced[of.word_starts], unspaced, spaced)


def _run_keys(of: Shingled, first: int, length: int) -> Keys:
    keys = np.zeros(len(of.word_starts), np.uint64)
    last = len(of.words) - 1
    for at in range(first, first + length):
        keys = mixed(keys + of.words[np.minimum(of.word_starts + at, last)])
    return np.where(of.word_counts >= first + length, keys, np.uint64(0))
