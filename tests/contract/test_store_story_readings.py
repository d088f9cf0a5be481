"""Stories are found by reach, entity and time, and each of their documents is shown."""

from __future__ import annotations

from datetime import timedelta

from monitor.domain import ALL, EntityScores, Sentiment, SourceClass
from monitor.ports import StoryReader
from monitor.store import Store
from tests.fixtures.stores import MINUTE, T0, add, label

HOUR = timedelta(hours=1)


def fill(store: Store) -> None:
    """Three stories: `wide` told three times, `late`, and `old` of the day before."""
    scores = (EntityScores(entity="ACME", relevance=0.5, novelty=(75, 75, 56, 56)),)
    add(
        store,
        [
            label("w1", story="wide", at=T0 + HOUR, title="Acme recalls", author="Ann"),
            label("w0", story="wide", at=T0, source="two", title="Acme said to recall"),
            label("w2", story="wide", at=T0 + 2 * HOUR, source_class=SourceClass.SOCIAL, scores=scores, negative=0.1),
            label("l", story="late", at=T0 + 3 * HOUR, entities=("BETA",)),
            label("o", story="old", at=T0 - 24 * HOUR),
        ],
        first=0,
    )


def test_stories_come_by_reach_and_then_by_age(store: Store) -> None:
    """What everybody tells comes first; what is over is left out."""
    fill(store)
    reader: StoryReader = store
    wide, late = reader.stories(since=T0)

    assert (wide.story_id, wide.reach, wide.title, wide.source) == ("wide", 3, "Acme recalls", "wire")
    assert (wide.first_published_at, wide.last_published_at) == (T0, T0 + 2 * HOUR)
    assert late.story_id == "late"
    assert [s.story_id for s in store.stories(since=T0 - 48 * HOUR, entity="ACME")] == ["wide", "old"]
    assert [s.story_id for s in store.stories(since=T0, entity="BETA")] == ["late"]
    assert [s.story_id for s in store.stories(since=T0 + HOUR, limit=1)] == ["wide"]
    assert store.stories(since=T0 + 4 * HOUR) == store.stories(since=T0, entity="NONE") == []


def test_a_story_shows_every_document_the_earliest_first(store: Store) -> None:
    """Also the one that was published before the first that came, and what each is counted for."""
    fill(store)
    documents = store.story_documents("wide")
    first, counted, copy = documents

    assert [document.id for document in documents] == ["w0", "w1", "w2"]
    assert (first.source, first.counted_for) == ("two", ())
    assert (counted.author, counted.counted_for, counted.sentiment) == ("Ann", (ALL, "ACME"), Sentiment.NEGATIVE)
    assert (copy.counted_for, copy.sentiment) == ((ALL, "ACME"), Sentiment.NEUTRAL), "the first among posts"
    assert (copy.novelty, copy.relevance) == ({"ACME": (75, 75, 56, 56)}, {"ACME": 0.5})
    assert (first.novelty, first.relevance) == ({"ACME": ()}, {})


def test_a_story_whose_documents_are_gone_is_not_there(store: Store) -> None:
    """Neither is one that never was; and a story that lost its first document keeps its place without a title."""
    fill(store)
    store.forget_before(evidence=T0 + HOUR + MINUTE, buckets=T0, seen=T0 - 48 * HOUR)

    assert store.story_documents("old") == store.story_documents("never") == []
    assert [d.id for d in store.story_documents("wide")] == ["w2"]
    assert store.stories(since=T0)[0].title == ""
