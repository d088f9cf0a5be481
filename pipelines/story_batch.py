"""Find the stories of one batch, one document after the other: sketches and stored texts in, stories out.

The documents of a batch find each other as if each had come alone: a text that one adds is there for the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import msgspec
import numpy as np

from monitor.domain import Document
from monitor.ports import ToldText
from pipelines.key_table import PER_KEY
from pipelines.minhash import Keys
from pipelines.stories import Likeness, Sketch, compare
from pipelines.story_index import Ids, rank, rank_one
from pipelines.told_texts import Telling

RENEWED_AFTER_US = timedelta(hours=24) // timedelta(microseconds=1)
"""A copy of a text that is older than this is stored again, so that the window goes along with a story."""


class Outcome(StrEnum):
    """What a document is to the stories told so far."""

    NEW = "new"  #: It tells a story that nobody told.
    COPY = "copy"  #: It reads like a text of its story.
    READING = "reading"  #: It tells a known story in its own words.


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The story of one document."""

    story_id: str
    text_key: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A document that has no story yet."""

    document: Document
    sketch: Sketch
    published_us: int


class StoryBatch:
    """The stories of one batch, and the texts that it adds."""

    def __init__(self, arrivals: Sequence[Arrival], keys: Keys, found: Ids, *, first_id: int, window_us: int) -> None:
        self.added: list[Telling] = []
        self._arrivals = arrivals
        self._keys = keys
        self._numbers: list[list[int]] = keys.tolist()
        self._shared = _shared(keys)
        self._found = found
        self._ranked = rank(found)
        self._first_id = first_id
        self._window_us = window_us
        self._ids_by_key: dict[int, list[int]] = {}  # of the texts added, the newest last

    @property
    def candidates(self) -> set[int]:
        """Ids of the stored texts that may be compared."""
        return {int(id_) for id_ in np.unique(self._found)} - {0}

    def assign(self, stored: Mapping[int, Telling]) -> list[Found]:
        """The story of each document, in order; `stored` holds the candidates that are still there."""
        return [self._assign(row, arrival, stored) for row, arrival in enumerate(self._arrivals)]

    def _assign(self, row: int, arrival: Arrival, stored: Mapping[int, Telling]) -> Found:
        near = (self._telling(id_, stored) for id_ in self._candidates(row, arrival))
        likeness, best = _likest(arrival.sketch, [each for each in near if each])
        if best is None or likeness is Likeness.DIFFERENT:
            return self._add(row, arrival, story_id=_new_story(arrival), outcome=Outcome.NEW)
        if likeness is Likeness.SAME_STORY:
            return self._add(row, arrival, story_id=best.told.story_id, outcome=Outcome.READING)
        if arrival.published_us - best.told.published_us > RENEWED_AFTER_US:
            told = replace(best.told, id=self._next_id(), published_us=arrival.published_us)
            self._hold(Telling(told=told, sketch=best.sketch), np.frombuffer(told.keys, np.uint64).tolist())
        return Found(story_id=best.told.story_id, text_key=best.told.text_key, outcome=Outcome.COPY)

    def _candidates(self, row: int, arrival: Arrival) -> list[int]:
        keys = self._numbers[row]
        if self._ids_by_key.keys().isdisjoint(keys):
            return self._ranked[row]
        mine = ([id_ for id_ in self._ids_by_key.get(key, ())[::-1] if self._is_near(id_, arrival)] for key in keys)
        return rank_one([[*new, *old][:PER_KEY] for new, old in zip(mine, self._found[row].tolist(), strict=True)])

    def _telling(self, id_: int, stored: Mapping[int, Telling]) -> Telling | None:
        return self.added[id_ - self._first_id] if id_ >= self._first_id else stored.get(id_)

    def _is_near(self, id_: int, arrival: Arrival) -> bool:
        told = self.added[id_ - self._first_id].told
        return abs(told.published_us - arrival.published_us) <= self._window_us

    def _next_id(self) -> int:
        return self._first_id + len(self.added)

    def _add(self, row: int, arrival: Arrival, *, story_id: str, outcome: Outcome) -> Found:
        sketch = arrival.sketch
        told = ToldText(
            id=self._next_id(),
            story_id=story_id,
            text_key=sketch.digest.hex(),
            text=sketch.text,
            facts=msgspec.json.encode(sketch.facts).decode(),
            keys=self._keys[row].tobytes(),
            published_us=arrival.published_us,
        )
        self._hold(Telling(told=told, sketch=sketch), self._shared.intersection(self._numbers[row]))
        return Found(story_id=story_id, text_key=told.text_key, outcome=outcome)

    def _hold(self, telling: Telling, keys: Iterable[int]) -> None:
        """Add a text, to be found by `keys`."""
        self.added.append(telling)
        for key in keys:
            ids = self._ids_by_key.setdefault(key, [])
            ids.append(telling.told.id)
            del ids[:-PER_KEY]


def _shared(keys: Keys) -> set[int]:
    """The keys of more than one row: nobody asks for the others."""
    found, counts = np.unique(keys, return_counts=True)
    return set(found[counts > 1].tolist())


def _likest(sketch: Sketch, near: Iterable[Telling]) -> tuple[Likeness, Telling | None]:
    """The first that reads alike, or else the first that tells the same story."""
    same_story = None
    for each in near:
        likeness = compare(sketch, each.sketch)
        if likeness is Likeness.SAME_TEXT:
            return likeness, each
        if likeness is Likeness.SAME_STORY and same_story is None:
            same_story = each
    return Likeness.SAME_STORY, same_story


def _new_story(arrival: Arrival) -> str:
    """An id that another story with the same text, told a week later, does not get."""
    named = arrival.sketch.digest + arrival.document.id.encode("utf-8", "replace")
    return hashlib.blake2b(named, digest_size=16).hexdigest()
