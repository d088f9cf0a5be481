"""The store counts a story once in every series, holds voices to their caps, and shows as evidence what it counted."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from monitor.domain import (
    ALL,
    AuthorKind,
    CapReason,
    EntityScores,
    Label,
    Partition,
    SeriesKey,
    SourceClass,
)
from monitor.settings import GuardSettings
from monitor.store import Store
from monitor.store.schema import authors, stories, voices
from pipelines.guard import Guard
from tests.contract.test_store_counting import together
from tests.fixtures.stores import MINUTE, T0, add, label

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
END = T0 + 2 * HOUR
GUARD = Guard(
    GuardSettings(author_stories=3, author_stories_in_all=9, domain_stories=4, post_entities=2, burst_posts=2)
)
_examples = itertools.count()


def post(id_: str, *, author: str = "ann", **facts: object) -> Label:
    """A post."""
    return label(id_, author=author, source_class=SourceClass.SOCIAL, **facts)  # type: ignore[arg-type]


def test_a_story_counts_once_in_every_series_whatever_document_brings_it_there(store: Store) -> None:
    """The post is no second story of ACME, but the first among posts and the first of BETA; a copy of it is neither."""
    add(store, [label("a", story="s")], first=0)
    result = add(store, [post("b", story="s", entities=("ACME", "BETA"), at=T0 + MINUTE)], first=1)
    add(store, [post("c", story="s", entities=("ACME", "BETA"))], first=2)

    sums = store.window_counts(T0, END)

    def found(**series: str) -> tuple[int, int]:
        counts = sums[SeriesKey(**series)]
        return counts.documents, counts.stories

    assert result.stories == 0, "over everything it is a copy"
    assert found() == found(entity="ACME") == found(entity="ACME", topic="earnings") == (3, 1)
    assert found(entity="ACME", source_class="social") == found(entity="BETA") == (2, 1)
    assert found(entity="ACME", source_class="news") == (1, 1)
    assert store.window_counts(T0 + MINUTE, END)[SeriesKey(entity="BETA")].stories == 1
    assert store.window_counts(T0 + MINUTE, END)[SeriesKey(entity="ACME")].stories == 0


def test_a_story_of_before_the_upgrade_counts_nowhere_again(store: Store) -> None:
    """Nobody knows where it was told."""
    add(store, [label("a", story="s")], first=0)
    with store._database.write() as tx:
        tx.execute(update(stories).values(told=None))
    add(store, [post("b", story="s", entities=("BETA",))], first=1)

    assert store.window_counts(T0, END)[SeriesKey(entity="BETA")].stories == 0
    with store._database.read() as tx:
        assert tx.execute(select(stories.c.told)).scalars().all() == [None]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_evidence_adds_up_to_the_counts_of_every_series_and_window(store: Store, data: st.DataObject) -> None:
    """A reader who counts the headlines of an alert must find the number that it was fired for."""
    example = next(_examples)
    start = T0 + example * DAY
    labels = [one for n in range(data.draw(st.integers(1, 25))) if (one := _drawn(data, example, n))]
    partition, first = Partition(topic=f"t{example}", index=0), 0
    while labels:
        size = data.draw(st.integers(1, len(labels)))
        batch, labels = labels[:size], labels[size:]
        add(store, batch, first=first, partition=partition, guard=GUARD)
        first += size

    for begin, end in ((0, 60), (0, 20), (20, 60)):
        window = start + begin * MINUTE, start + end * MINUTE
        for series, counts in store.window_counts(*window).items():
            shown = store.negative_documents(series, *window, limit=1000)
            assert len(shown) == len({document.story_id for document in shown}) == counts.negative, series
            assert counts.negative + counts.neutral + counts.positive == counts.stories
            assert (store.negative_voices(series, *window).sources > 0) == (counts.negative > 0)


def _drawn(data: st.DataObject, example: int, number: int) -> Label:
    return label(
        f"{example}-{number}",
        at=T0 + example * DAY + data.draw(st.integers(0, 59)) * MINUTE,
        story=f"{example}-{data.draw(st.integers(0, 7))}",
        entities=tuple(sorted(data.draw(st.sets(st.sampled_from("ABC"), max_size=3)))),
        negative=data.draw(st.sampled_from([0.1, 0.9])),
        source_class=data.draw(st.sampled_from([SourceClass.NEWS, SourceClass.SOCIAL])),
        topic=data.draw(st.sampled_from(["earnings", "legal"])),
        author=data.draw(st.sampled_from(["ann", "bob", None])),
    )


def test_a_story_told_before_the_window_is_no_evidence_of_it(store: Store) -> None:
    """Its copies come all day; an alert that shows them claims news where there is none."""
    add(store, [label("a", story="s"), label("copy", story="s", at=T0 + HOUR, source="two")], first=0)

    assert store.negative_documents(SeriesKey(entity="ACME"), T0 + HOUR, END, limit=9) == []
    assert store.negative_voices(SeriesKey(entity="ACME"), T0 + HOUR, END).sources == 0
    assert store.negative_voices(SeriesKey(entity="ACME"), T0, END).sources == 2, (
        "a copy confirms what counts in the window"
    )


def test_a_cap_holds_over_batches_and_what_it_keeps_out_is_counted_apart(store: Store) -> None:
    """One account with fifty different complaints is three stories, and forty-seven held back."""
    results = [
        add(store, [post(f"{n}-{k}") for k in range(10)], first=10 * n, guard=GUARD) for n in range(5)
    ]  # fmt: skip

    acme, everything = (store.window_counts(T0, END)[SeriesKey(entity=entity)] for entity in ("ACME", ALL))
    assert (acme.documents, acme.stories, acme.held_back) == (50, 3, 47)
    assert (everything.documents, everything.stories, everything.held_back) == (50, 9, 41)
    assert sum(result.held_back[CapReason.AUTHOR] for result in results) == 47
    assert len(store.negative_documents(SeriesKey(entity="ACME"), T0, END, limit=99)) == 3
    assert voice_rows(store) == {"ACME": 3, ALL: 9}


def voice_rows(store: Store) -> dict[str, int]:
    """Stories by entity, as the caps see them."""
    with store._database.read() as tx:
        rows = tx.execute(select(voices.c.entity, func.sum(voices.c.stories)).group_by(voices.c.entity))
        return {entity: int(total) for entity, total in rows}


def test_what_is_held_back_is_told_by_the_next_voice(store: Store) -> None:
    """A bot must not silence a story by being the first to tell it."""
    add(store, [post(f"flood-{n}") for n in range(3)], first=0, guard=GUARD)
    add(store, [post("a", story="s")], first=3, guard=GUARD)
    add(store, [post("b", story="s", author="bob")], first=4, guard=GUARD)

    counts = store.window_counts(T0, END)[SeriesKey(entity="ACME")]
    assert (counts.stories, counts.held_back) == (4, 1)
    assert {d.id for d in store.negative_documents(SeriesKey(entity="ACME"), T0, END, limit=9)} >= {"b"}


def test_a_post_that_lists_many_tickers_counts_over_all_only(store: Store) -> None:
    """It is about none of them; that it was there is still seen."""
    result = add(store, [post("a", entities=("A", "B", "C"))], first=0, guard=GUARD)

    sums = store.window_counts(T0, END)
    assert (sums[SeriesKey()].stories, sums[SeriesKey()].held_back) == (1, 0)
    assert (sums[SeriesKey(entity="A")].stories, sums[SeriesKey(entity="A")].held_back) == (0, 1)
    assert result.held_back == {CapReason.ENTITIES: 1}


def test_a_repeated_document_uses_up_nothing(store: Store) -> None:
    """A producer that retried must not silence an author."""
    for first in range(5):
        add(store, [post("a")], first=first, guard=GUARD)
    add(store, [post("b")], first=5, guard=GUARD)

    assert store.window_counts(T0, END)[SeriesKey(entity="ACME")].stories == 2


def test_a_cap_holds_over_workers_that_count_at_once(store: Store) -> None:
    """One author's posts lie in every partition, for they are different stories."""

    def work(index: int) -> None:
        partition = Partition(topic="labels", index=index)
        for start in range(0, 40, 10):
            batch = [post(f"{index}-{start + n}", entities=(f"E{n % 3}",)) for n in range(10)]
            ordered = batch if index % 2 else batch[::-1]
            add(store, ordered, first=start, partition=partition, guard=GUARD)

    raised = together(*(lambda index=index: work(index) for index in range(3)))

    sums = store.window_counts(T0, END)
    assert raised == []
    assert [sums[SeriesKey(entity=f"E{n}")].stories for n in range(3)] == [3, 3, 3]
    assert sums[SeriesKey()].stories == 9
    assert voice_rows(store) == {"E0": 3, "E1": 3, "E2": 3, ALL: 9}


def test_authors_are_new_bursting_or_known(store: Store) -> None:
    """The share of fresh and of hectic accounts tells a campaign from a crowd."""
    kinds: Counter[AuthorKind] = Counter()
    for first, labels in enumerate([
        [post("a"), post("b", author="bob"), label("news", author="carol")],
        [post("c"), post("d"), post("e")],
        [post("f", at=T0 + 2 * DAY), post("g", author="bob", at=T0 + HOUR)],
    ]):  # fmt: skip
        kinds.update(add(store, labels, first=10 * first, guard=GUARD).authors)

    assert kinds == {AuthorKind.NEW: 4, AuthorKind.BURSTING: 2, AuthorKind.KNOWN: 1}
    with store._database.read() as tx:
        rows = {row.author: (row.recent, len(row.author)) for row in tx.execute(select(authors))}
    assert sorted(rows.values()) == [(1, 32), (1, 32)], "digests of ann and bob; carol writes news"


def test_evidence_says_how_new_and_how_relevant_it_is(store: Store) -> None:
    """For an entity its own; over all that of the entity that it says most that is new about; unknown stays unknown."""
    scores = (
        EntityScores(entity="A", relevance=0.4, novelty=(100, 75, 56, 42)),
        EntityScores(entity="B", relevance=1.0, novelty=(100, 100, 100, 100)),
    )
    add(store, [label("a", entities=("A", "B"), scores=scores), label("old", entities=("A",))], first=0)

    def found(**series: str) -> dict[str, tuple[float, tuple[int, ...]]]:
        documents = store.negative_documents(SeriesKey(**series), T0, END, limit=9)
        return {document.id: (document.relevance, document.novelty) for document in documents}

    assert found(entity="A") == {"a": (0.4, (100, 75, 56, 42)), "old": (1.0, ())}
    assert found(entity="B") == {"a": (1.0, (100, 100, 100, 100))}
    assert found() == {"a": (1.0, (100, 100, 100, 100)), "old": (1.0, ())}


def test_voices_and_authors_are_forgotten(store: Store) -> None:
    """Nothing about people is kept longer than what they wrote."""
    add(store, [post("a"), post("b", author="bob", at=T0 + 2 * DAY)], first=0, guard=GUARD)
    deleted = store.forget_before(evidence=T0 + DAY, buckets=T0, seen=T0 + DAY)

    assert (deleted["authors"], deleted["voices"]) == (1, 2)
    assert voice_rows(store) == {"ACME": 1, ALL: 1}
