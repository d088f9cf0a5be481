"""Erasing from the database: all of a document or an author goes, counts and what others tell stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select, text

from monitor.domain import (
    Alert,
    AlertState,
    Evidence,
    EvidenceDocument,
    Notification,
    Sentiment,
    SeriesKey,
    SourceClass,
    Transition,
)
from monitor.ports import Assignment, Tick, ToldText
from monitor.settings import GuardSettings
from monitor.store import Store, schema
from monitor.store.erasure import Erasing
from pipelines.guard import Guard, digest_of
from tests.fixtures.stores import MINUTE, T0, add, label

HOUR = timedelta(hours=1)
NOW = T0 + HOUR


def posts(*ids: str, author: str = "Ann", story: str = "") -> list:
    """Posts by one author."""
    return [
        label(i, author=author, story=story or f"s-{i}", source_class=SourceClass.SOCIAL, title=f"{author} says {i}")
        for i in ids
    ]


def count(store: Store, labels: Sequence, first: int = 0) -> None:
    """Count `labels` as the daemon does, with caps, ids and stories."""
    store.mark_seen([each.document.id for each in labels], at=T0)
    add(store, labels, first=first, guard=Guard(GuardSettings()))
    with store.assigning() as tx:
        start = tx.newest_text() + 1
        documents = [each.document for each in labels]
        tx.save(
            texts=[
                ToldText(id=start + n, story_id=d.story_id, text_key=f"{n:02x}", text=f"told {d.id}", facts="{}",
                         keys=b"\0" * 8, published_us=0)
                for n, d in enumerate(documents)
            ],
            assignments={
                d.id: Assignment(story_id=d.story_id, text_key=f"{n:02x}", novelty={}) for n, d in enumerate(documents)
            },
            echoes={d.story_id: {"ACME": [1]} for d in documents},
            at_us=1,
        )  # fmt: skip


def holds(store: Store, words: str) -> list[str]:
    """Tables in which a row holds `words` anywhere."""
    with store._database.read() as tx:
        return [
            table.name
            for table in schema.metadata.sorted_tables
            if any(words in str(value) for row in tx.execute(select(table)) for value in row)
        ]


def rows(store: Store) -> dict[str, int]:
    """Rows by table."""
    with store._database.read() as tx:
        return {
            t.name: tx.execute(select(func.count()).select_from(t)).scalar_one() for t in schema.metadata.sorted_tables
        }


def test_an_author_is_gone_and_the_others_stay(store: Store) -> None:
    """Names, titles, texts, ids, digests; the counts are as before, for they name nobody."""
    count(store, posts("ann-1", "ann-2") + posts("bob-1", author="Bob"))
    before = store.window_counts(T0 - HOUR, T0 + HOUR)
    assert store.documents_of(" aNN ") == {"ann-1", "ann-2"}
    erased = store.erase(Erasing(ids={"ann-1", "ann-2"}, author_digest=digest_of("Ann")), now=NOW)

    assert {name: erased[name] for name in ("evidence", "mentions", "story_documents", "story_texts", "stories")} == {
        "evidence": 2, "mentions": 2, "story_documents": 2, "story_texts": 2, "stories": 2,
    }  # fmt: skip
    assert (erased["authors"], erased["seen_documents"], erased["counted_documents"]) == (1, 2, 2)
    assert erased["voices"] > 0
    assert [holds(store, words) for words in ("Ann", "ann-1", "ann-2", digest_of("Ann"))] == [[], [], [], []]
    assert "evidence" in holds(store, "Bob says bob-1")
    assert holds(store, digest_of("Bob")) == ["authors", "voices"]
    assert store.window_counts(T0 - HOUR, T0 + HOUR) == before
    assert store.documents_of("Ann") == set()


def test_what_was_erased_does_not_come_back(store: Store) -> None:
    """A source still lists it, and a label of it is still on its way; asking again keeps the memory alive."""
    count(store, posts("ann-1"))
    store.erase(Erasing(ids={"ann-1"}), now=NOW)
    assert store.unseen(["ann-1", "ann-2"]) == {"ann-2"}
    store.mark_seen(["ann-1", "ann-2"], at=NOW + 10 * HOUR)
    assert holds(store, "ann-1") == []
    again = add(store, posts("ann-1", "ann-2"), first=5)
    assert (again.counted, again.repeated) == (1, 1)
    assert store.documents_of("Ann") == {"ann-2"}
    store.forget_before(evidence=T0 - HOUR, buckets=T0 - HOUR, seen=NOW + HOUR)
    assert store.unseen(["ann-1"]) == set()


def test_a_document_that_never_came_is_kept_out_too(store: Store) -> None:
    """Erased by its id while it waits on the bus."""
    assert store.erase(Erasing(ids={"later"}), now=NOW).get("evidence") == 0
    assert add(store, posts("later"), first=0).counted == 0


def test_a_story_that_others_tell_is_handed_over(store: Store) -> None:
    """It stays one story, with one document less; a further copy is still none of its own."""
    count(store, [*posts("ann-1", story="same"), *posts("bob-1", "bob-2", author="Bob", story="same")])
    store.erase(Erasing(ids={"ann-1"}), now=NOW)
    [story] = store.stories(since=T0 - HOUR)
    assert (story.reach, story.title) == (2, "Bob says bob-1")
    assert [document.id for document in store.story_documents("same")] == ["bob-1", "bob-2"]
    assert add(store, posts("bob-3", author="Bob", story="same"), first=9).stories == 0
    with store.assigning() as tx:
        assert sorted(told.text for told in tx.texts([1, 2, 3]).values()) == ["told bob-1", "told bob-2"]
        assert tx.echoes(["same"]) == {"same": {"ACME": [1]}}


def test_the_number_of_an_erased_text_is_not_given_again(store: Store) -> None:
    """Another process that has read up to it would never see the new one."""
    count(store, posts("ann-1", "ann-2"))
    store.erase(Erasing(ids={"ann-2"}), now=NOW)
    with store.assigning() as tx:
        assert tx.newest_text() == 3
        assert [told.text for told in tx.texts([1, 2, 3]).values() if told.text] == ["told ann-1"]


def evidence(*ids: str) -> Evidence:
    """What an alert shows."""
    documents = tuple(
        EvidenceDocument(
            id=i, published_at=T0, source="s", title=f"Ann says {i}", url=None, author="Ann", topic="p",
            sentiment=Sentiment.NEGATIVE, negative=0.9, story_id="y", reach=1,
        )
        for i in ids
    )  # fmt: skip
    return Evidence(
        window_start_at=T0, window_end_at=NOW, seen=9, expected=1.0, dispersion=1.0, p_value=0.01, ratio=9.0, sources=1,
        stories=9, documents=documents,
    )  # fmt: skip


def test_alerts_history_and_messages_forget_it(store: Store) -> None:
    """They carry headlines with names; the numbers in them stay."""
    alert = Alert(
        fingerprint="f", rule="r", series=SeriesKey(), labels={}, state=AlertState.FIRING, since_at=T0,
        evidence=evidence("ann-1", "bob-1"),
    )  # fmt: skip
    transition = Transition(
        fingerprint="f", rule="r", series=SeriesKey(), before=AlertState.NORMAL, after=AlertState.FIRING, at=T0,
        evidence=evidence("ann-1"),
    )  # fmt: skip
    note = Notification(
        id="n", receiver="m", group_key="g", group_labels={}, alerts=(alert,), reason="first", created_at=T0
    )
    store.store_tick(
        Tick(at=T0, alerts=[alert], transitions=[transition], groups=[], notifications=[note], baselines=[])
    )
    erased = store.erase(Erasing(ids={"ann-1"}), now=NOW)
    assert (erased["alerts"], erased["transitions"], erased["outbox"]) == (1, 1, 1)
    assert store.alerts() == [replace(alert, evidence=evidence("bob-1"))]
    assert store.transitions() == [replace(transition, evidence=evidence())]
    [item] = store.claim_due(now=NOW, owner="o", hold=MINUTE, limit=9)
    assert item.notification.alerts == (replace(alert, evidence=evidence("bob-1")),)
    assert holds(store, "ann-1") == []


def test_more_alerts_than_are_read_at_once(store: Store) -> None:
    """Each is looked at once, the last one too."""
    alerts = [
        Alert(
            fingerprint=f"{n:05}", rule="r", series=SeriesKey(), labels={}, state=AlertState.FIRING, since_at=T0,
            evidence=evidence("ann-1" if n % 2 else "bob-1"),
        )
        for n in range(1201)
    ]  # fmt: skip
    store.store_tick(Tick(at=T0, alerts=alerts, transitions=[], groups=[], notifications=[], baselines=[]))
    assert store.erase(Erasing(ids={"ann-1"}), now=NOW)["alerts"] == 600
    assert store.erase(Erasing(ids={"ann-1"}), now=NOW)["alerts"] == 0


def test_a_dry_run_counts_the_same_and_changes_nothing(store: Store) -> None:
    """An operator looks before he leaps."""
    count(store, posts("ann-1", "ann-2"))
    before = rows(store)
    what = Erasing(ids={"ann-1", "ann-2"}, author_digest=digest_of("Ann"))
    dry = store.erase(what, now=NOW, dry_run=True)
    assert rows(store) == before
    assert store.erase(what, now=NOW) == dry


def test_whoever_evaluates_forgets(store: Store) -> None:
    """It holds alerts in memory, and would write them back."""
    assert store.acquire_lease("evaluate", owner="w", now=T0, ttl=HOUR)
    store.pause_evaluation(now=T0, ttl=MINUTE)
    assert not store.acquire_lease("evaluate", owner="w", now=T0, ttl=HOUR)
    assert store.acquire_lease("evaluate", owner="w", now=T0 + MINUTE, ttl=HOUR)


def test_erasing_costs_nothing_where_nothing_was_erased(store: Store) -> None:
    """One look at the ids, no more."""
    with store._database.read() as tx:
        assert tx.execute(text("SELECT COUNT(*) FROM seen_documents WHERE id = 'erased:'")).scalar() == 0
    store.mark_seen(["x"], at=T0)
    assert rows(store)["seen_documents"] == 1
