"""Candidates are the texts that share most keys, within the window, out of no more texts than allowed."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.minhash import Keys, mixed
from pipelines.story_index import CANDIDATES, StoryIndex, rank, rank_one

KEYS = 6
WINDOW = 1000


def rows(*texts: list[int]) -> Keys:
    """The keys of texts, from small numbers."""
    return mixed(np.array(texts, np.uint64).reshape(-1, KEYS))


def own(text: int) -> list[int]:
    """Keys that no other text has."""
    return [text * KEYS + key + 100 for key in range(KEYS)]


def add(index: StoryIndex, ids: list[int], keys: Keys, *, at: int = 0, added: int = 0) -> None:
    """Add texts that were published and added at once."""
    index.add(np.array(ids), keys, published_us=np.full(len(ids), at), added_us=np.full(len(ids), added))


def made(max_texts: int = 10_000) -> StoryIndex:
    """An empty index."""
    return StoryIndex(keys_per_text=KEYS, max_texts=max_texts, window_us=WINDOW)


def candidates(index: StoryIndex, keys: Keys, at: int = 0) -> list[list[int]]:
    """What is to be compared with texts published at `at`."""
    return rank(index.find(keys, np.full(len(keys), at)))


def test_most_shared_keys_come_first_and_of_equals_the_newest() -> None:
    """The best candidate is compared first; the newest copy tells best how old a story is."""
    index = made()
    add(index, [11, 12, 13, 14], rows([1, 2, 3, 4, 5, 6], [1, 2, 3, 7, 8, 9], [1, 2, 3, 4, 5, 9], own(14)))
    query = rows([1, 2, 3, 4, 5, 99], own(50), own(14))
    assert candidates(index, query) == [[13, 11, 12], [], [14]]


def test_both_ways_of_ranking_agree() -> None:
    """One is for a batch, the other for a document that shares keys with others of its batch."""
    index = made()
    draw = np.random.default_rng(5)
    add(index, list(range(1, 301)), mixed(draw.integers(0, 60, (300, KEYS)).astype(np.uint64)))
    found = index.find(mixed(draw.integers(0, 60, (200, KEYS)).astype(np.uint64)), np.zeros(200, np.int64))
    ranked = rank(found)
    assert ranked == [rank_one(each) for each in found.tolist()]
    assert max(map(len, ranked)) == CANDIDATES


@pytest.mark.parametrize(("at", "found"), [(WINDOW, [[1]]), (WINDOW + 1, [[]]), (-WINDOW, [[1]]), (-WINDOW - 1, [[]])])
def test_texts_outside_the_window_are_not_found(at: int, found: list[list[int]]) -> None:
    """To the microsecond, either side: a late document must not join a story of next week."""
    index = made()
    add(index, [1], rows(own(1)))
    assert candidates(index, rows(own(1)), at) == found


def test_the_oldest_go_beyond_the_most_texts() -> None:
    """Memory is bounded whatever comes in; what stays is found as before."""
    index = made(max_texts=800)
    for first in range(1, 5001, 50):
        add(index, list(range(first, first + 50)), rows(*(own(id_) for id_ in range(first, first + 50))))
        assert len(index) <= 800
    assert len(index) >= 700
    found = candidates(index, rows(*(own(id_) for id_ in range(1, 5001))))
    assert found[-len(index) :] == [[id_] for id_ in range(5001 - len(index), 5001)]
    assert not any(found[: -len(index)])
    assert index.last_id == 5000


def test_more_than_fit_at_once_leave_the_newest() -> None:
    """A database may hold more texts than this process was given memory for."""
    index = made(max_texts=100)
    add(index, list(range(1, 251)), rows(*(own(id_) for id_ in range(1, 251))))
    assert len(index) == 100
    assert candidates(index, rows(own(150), own(151), own(250))) == [[], [151], [250]]


def test_memory_stays_below_its_bound() -> None:
    """The figure in the documentation: about 12 bytes a key and 24 a text."""
    index = made(max_texts=20_000)
    for first in range(1, 60_001, 2000):
        ids = list(range(first, first + 2000))
        add(index, ids, rows(*(own(id_) for id_ in ids)))
    assert index.memory_bytes <= 20_000 * (KEYS * 8 / 0.7 + 24) + 2048


def test_texts_that_no_copy_can_match_are_forgotten() -> None:
    """By when they were added; all at once is too dear, so an eighth may linger."""
    index = made()
    for at in range(16):
        add(index, [at + 1], rows(own(at + 1)), added=at)
    index.forget(added_before_us=2)
    assert len(index) == 16
    index.forget(added_before_us=5)
    assert len(index) == 11
    assert candidates(index, rows(own(5), own(6), own(16))) == [[], [6], [16]]
    index.forget(added_before_us=100)
    assert (len(index), index.last_id) == (0, 0)


@pytest.mark.parametrize("max_texts", [0, 2**24])
def test_refuses_a_size_that_it_cannot_number(max_texts: int) -> None:
    """24 bits hold a slot."""
    with pytest.raises(ValueError, match="max_texts"):
        made(max_texts=max_texts)
