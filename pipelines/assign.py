"""Assign stories: documents in, the same documents with story, text key and novelty out.

A document gets its story once: the answer is stored with the texts that stories are found by, in one transaction, and
is the same whenever the document comes again, in whichever process. Only one process assigns at a time, so of copies
that come in at two doors at once the second finds the first. A transaction that fails leaves nothing behind.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from monitor.domain import LOOK_BACKS, NEW, Document, EntityScores
from monitor.metrics import StoryMetrics
from monitor.ports import Assignment, Echoes, StoryStore, StoryTransaction
from monitor.settings import StoriesSettings
from pipelines.novelty import novelty, remember
from pipelines.sketch_cache import SketchCache
from pipelines.stories import Sketch, StoryText
from pipelines.story_batch import Arrival, Found, Outcome, StoryBatch
from pipelines.told_texts import ToldTexts, keys_of, to_us

AT_ONCE = 500  #: Documents in one transaction; others wait meanwhile.

_UNKNOWN = (NEW,) * len(LOOK_BACKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What one transaction is to write, and what it means for this process."""

    batch: StoryBatch
    assignments: dict[str, Assignment]  # by document; those given before too
    outcomes: Sequence[Outcome]


class AssignStories:
    """Gives stories to documents; safe to use from several threads."""

    def __init__(self, *, store: StoryStore, settings: StoriesSettings, metrics: StoryMetrics) -> None:
        self._store = store
        self._window_us = settings.window // timedelta(microseconds=1)
        self._metrics = metrics
        self._texts = ToldTexts(settings)
        self._sketched = SketchCache()
        self._assigning = threading.Lock()

    def __call__(self, documents: Sequence[Document], now: datetime) -> list[Document]:
        """`documents` with their stories, in order; raises `TransientError` when the store is away."""
        with self._assigning, self._metrics.seconds.time():
            self._texts.load(self._store, to_us(now))
            told = [each for chunk in _chunks(documents) for each in self._assign(chunk, to_us(now))]
        self._metrics.texts.set(len(self._texts))
        self._metrics.index_bytes.set(self._texts.memory_bytes)
        return told

    def _assign(self, documents: Sequence[Document], now_us: int) -> list[Document]:
        texts = [StoryText(content=d.content, title=d.title, entities=d.entities) for d in documents]
        sketched = self._sketched.sketches(texts)
        with self._store.assigning() as tx:
            turn = self._take_turn(tx, documents, sketched, now_us)
        # Only now: a transaction that failed must not be remembered.
        self._texts.add(turn.batch.added, now_us)
        for outcome, count in Counter(turn.outcomes).items():
            self._metrics.documents.labels(outcome=outcome.value).inc(count)
        return [_told(document, turn.assignments[document.id]) for document in documents]

    def _take_turn(
        self, tx: StoryTransaction, documents: Sequence[Document], sketched: Sequence[Sketch], now_us: int
    ) -> _Turn:
        self._texts.catch_up(tx, now_us)
        assignments = dict(tx.assigned([document.id for document in documents]))
        arrivals = _arrivals(documents, sketched, assignments)
        batch = self._batch(tx, arrivals)
        found = batch.assign(self._texts.tellings(tx, batch.candidates))
        known = {each.story_id for each in found if each.outcome is not Outcome.NEW}
        echoes = dict(tx.echoes(sorted(known)))
        fresh = {a.document.id: _echo(a, each, echoes) for a, each in zip(arrivals, found, strict=True)}
        told = {each.story_id: echoes[each.story_id] for each in found if each.story_id in echoes}
        tx.save(texts=[each.told for each in batch.added], assignments=fresh, echoes=told, at_us=now_us)
        return _Turn(batch=batch, assignments=assignments | fresh, outcomes=[each.outcome for each in found])

    def _batch(self, tx: StoryTransaction, arrivals: Sequence[Arrival]) -> StoryBatch:
        keys = keys_of([arrival.sketch for arrival in arrivals])
        published_us = np.array([arrival.published_us for arrival in arrivals], np.int64)
        return StoryBatch(
            arrivals,
            keys,
            self._texts.find(keys, published_us),
            first_id=tx.newest_text() + 1,
            window_us=self._window_us,
        )


def _chunks(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    for start in range(0, len(documents), AT_ONCE):
        yield documents[start : start + AT_ONCE]


def _arrivals(
    documents: Sequence[Document], sketched: Sequence[Sketch], assigned: Mapping[str, Assignment]
) -> list[Arrival]:
    """The documents that have no story yet, each once."""
    fresh = {
        document.id: Arrival(document=document, sketch=sketch, published_us=to_us(document.published_at))
        for document, sketch in reversed(list(zip(documents, sketched, strict=True)))
        if document.id not in assigned
    }
    return list(fresh.values())[::-1]


def _echo(arrival: Arrival, found: Found, echoes: dict[str, Echoes]) -> Assignment:
    """What the document gets; its own telling is put into `echoes`."""
    heard, at_us = dict(echoes.get(found.story_id, {})), arrival.published_us
    given = {entity: novelty(heard.get(entity, ()), at_us) for entity in arrival.document.entities}
    if given:
        heard |= {entity: remember(heard.get(entity, ()), at_us) for entity in given}
        echoes[found.story_id] = heard
    return Assignment(story_id=found.story_id, text_key=found.text_key, novelty=given)


def _told(document: Document, given: Assignment) -> Document:
    relevance = {scores.entity: scores.relevance for scores in document.scores}
    scores = tuple(
        EntityScores(entity=entity, relevance=relevance.get(entity, 1.0), novelty=given.novelty.get(entity, _UNKNOWN))
        for entity in document.entities
    )
    return replace(document, story_id=given.story_id, text_key=given.text_key, scores=scores)
