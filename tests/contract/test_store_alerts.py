"""What the alert module reads and stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.domain import (
    Alert,
    AlertState,
    Counts,
    Evidence,
    GateReading,
    GroupState,
    Matcher,
    Notification,
    SeriesKey,
    Silence,
    SourceClass,
    Transition,
)
from monitor.ports import BaselineState, NegativeVoices, Tick
from monitor.store import Store
from tests.fixtures.stores import MINUTE, T0, add, label, opened_store

HOUR = timedelta(hours=1)
ACME = SeriesKey(entity="ACME")


def alert(fingerprint: str = "f1", state: AlertState = AlertState.FIRING) -> Alert:
    """An alert with evidence."""
    evidence = Evidence(
        window_start_at=T0,
        window_end_at=T0 + HOUR,
        seen=9,
        expected=0.1 + 0.2,
        dispersion=1.7,
        p_value=3.3e-17,
        ratio=30.0,
        sources=3,
        stories=11,
        gates={"min_count": GateReading(passed=True, value=5.0, limit=3.0)},
        history_s=86400.0,
    )
    return Alert(
        fingerprint=fingerprint,
        rule="spike",
        series=ACME,
        labels={"alertname": "spike", "entity": "ACME"},
        state=state,
        since_at=T0,
        fired_at=T0 + timedelta(microseconds=7),
        evidence=evidence,
    )


def notification(name: str, at: datetime = T0, *, receiver: str = "mail", group: str = "g") -> Notification:
    """A notification about one alert."""
    return Notification(
        id=name,
        receiver=receiver,
        group_key=group,
        group_labels={"entity": "ACME"},
        alerts=(alert(),),
        reason="first",
        created_at=at,
    )


def tick(*notifications: Notification) -> Tick:
    """One evaluation that changed something of everything."""
    held = alert()
    return Tick(
        at=T0,
        alerts=[held],
        transitions=[
            Transition(
                fingerprint="f1",
                rule="spike",
                series=ACME,
                before=AlertState.PENDING,
                after=AlertState.FIRING,
                at=T0,
                evidence=held.evidence,
            )
        ],
        groups=[GroupState(receiver="mail", group_key="g", first_seen_at=T0, notified_at=T0, firing=("f1",))],
        notifications=notifications,
        baselines=[
            BaselineState(rule="spike", series=ACME, learned_until=T0, state={"level": 0.1, "hours": [1, 2], "x": None})
        ],
    )


def test_tick_comes_back_as_it_was_after_a_restart(store: Store, database_url: str) -> None:
    """Alert states survive a restart to the last digit."""
    stored = tick(notification("n1"))
    store.store_tick(stored)
    store.close()
    again = opened_store(database_url)

    assert again.alerts() == stored.alerts
    assert again.transitions() == stored.transitions
    assert again.groups() == stored.groups
    assert again.baselines() == stored.baselines
    [waiting] = again.claim_due(now=T0, owner="a", hold=MINUTE, limit=9)
    assert waiting.notification == stored.notifications[0]
    again.close()


def test_same_tick_stored_twice_changes_nothing(store: Store) -> None:
    """The answer to a commit can be lost; the evaluator then stores the tick again."""
    store.store_tick(tick(notification("n1")))
    store.store_tick(tick(notification("n1")))

    assert len(store.transitions()) == 1
    assert store.outbox_size() == 1
    assert store.deliveries() == []


def test_later_tick_replaces_states(store: Store) -> None:
    """One row an alert, a group and a baseline; transitions are a history."""
    store.store_tick(tick())
    recovered = alert(state=AlertState.RESOLVED)
    change = Transition(
        fingerprint="f1", rule="spike", series=ACME, before=AlertState.FIRING, after=AlertState.RESOLVED, at=T0 + HOUR
    )
    store.store_tick(replace(tick(), at=T0 + HOUR, alerts=[recovered], transitions=[change]))

    assert store.alerts() == [recovered]
    assert [t.after for t in store.transitions()] == [AlertState.RESOLVED, AlertState.FIRING]
    assert [t.after for t in store.transitions(limit=1)] == [AlertState.RESOLVED]
    assert [t.after for t in store.transitions(since=T0 + MINUTE)] == [AlertState.RESOLVED]
    assert len(store.groups()) == len(store.baselines()) == 1


def test_broken_tick_leaves_nothing_behind(store: Store) -> None:
    """All of it or nothing: a state without its notification would be silent for ever."""
    broken = replace(notification("n1"), alerts=(object(),))

    with pytest.raises(TypeError):
        store.store_tick(tick(broken))

    assert store.alerts() == []
    assert store.transitions() == []


def test_silences_in_force_are_found(store: Store) -> None:
    """From `starts_at` on, until just before `ends_at`."""
    silence = Silence(
        id="s1",
        matchers=(Matcher(name="entity", value="A.*", is_regex=True),),
        starts_at=T0,
        ends_at=T0 + HOUR,
        created_by="me",
        comment="known, 已知",
    )
    store.save_silence(silence)
    store.save_silence(replace(silence, id="s2", starts_at=T0 + HOUR, ends_at=T0 + 2 * HOUR))

    assert [s.id for s in store.silences()] == ["s1", "s2"]
    assert store.silences(active_at=T0) == [silence]
    assert [s.id for s in store.silences(active_at=T0 + HOUR)] == ["s2"]

    store.save_silence(replace(silence, ends_at=T0 + MINUTE))
    assert store.silences(active_at=T0 + 2 * MINUTE) == []


def test_slots_are_read_as_they_are(store: Store) -> None:
    """Detection lays windows over them itself; series that nobody follows need not travel."""
    assert store.first_bucket_at() is None
    add(store, [label("1"), label("2", at=T0 + 2 * MINUTE), label("3", at=T0 + 2 * MINUTE, negative=0.1)], first=0)
    add(store, [label("4", at=T0 + 3 * MINUTE, entities=("BETA",), topic="legal")], first=9)

    slots = store.slot_counts(T0, T0 + 3 * MINUTE)
    assert {at: (c.negative, c.stories, c.documents) for at, c in slots[ACME].items()} == {
        T0: (1, 1, 1), T0 + 2 * MINUTE: (1, 2, 2)
    }  # fmt: skip
    assert {key: sum(slots[key].values(), Counts()) for key in slots} == store.window_counts(T0, T0 + 3 * MINUTE)
    legal = SeriesKey(entity="BETA", topic="legal")
    assert store.slot_counts(T0, T0 + HOUR, series=[legal, SeriesKey(entity="NONE")]).keys() == {legal}
    assert store.slot_counts(T0, T0 + HOUR, series=[]) == {}

    asked = [T0 + n * MINUTE for n in range(-1, 9)]
    assert store.slot_documents(asked) == {T0: 1, T0 + 2 * MINUTE: 2, T0 + 3 * MINUTE: 1}
    assert store.slot_documents([]) == {}
    assert store.first_bucket_at() == T0
    assert store.last_bucket_at(before=T0 + 3 * MINUTE) == T0 + 2 * MINUTE
    assert store.last_bucket_at(before=T0) is None


def test_evidence_is_one_document_a_story_most_told_first_then_most_negative(store: Store) -> None:
    """Copies of one story would push the others out of the message."""
    add(
        store,
        [
            label("a", negative=0.6, story="s", source="one"),
            label("b", negative=0.8, story="s", source="two"),
            label("c", negative=0.7, topic="legal", source_class=SourceClass.SOCIAL, source="three"),
            label("d", negative=0.99, entities=("BETA",), source="four"),
            label("e", negative=0.2),
            label("f", at=T0 + HOUR),
        ],
        first=0,
    )

    def found(series: SeriesKey, limit: int = 9) -> list[str]:
        return [d.id for d in store.negative_documents(series, T0, T0 + HOUR, limit=limit)]

    assert found(SeriesKey()) == ["a", "d", "c"], "of the story `s` that which was counted, not the worse copy"
    assert found(ACME) == ["a", "c"]
    assert found(ACME, limit=1) == ["a"]
    assert found(SeriesKey(topic="legal")) == found(SeriesKey(entity="ACME", source_class="social")) == ["c"]
    assert found(SeriesKey(entity="NONE")) == []
    assert store.negative_voices(ACME, T0, T0 + HOUR).sources == 3
    assert store.negative_voices(SeriesKey(entity="BETA"), T0, T0 + HOUR).sources == 1
    assert store.negative_voices(SeriesKey(entity="NONE"), T0, T0 + HOUR).sources == 0


def test_evidence_says_how_its_story_was_told_up_to_the_end_of_the_span(store: Store) -> None:
    """A replay counts ahead of its clock, and must show what a live monitor showed."""
    add(
        store,
        [
            label("a", story="s", source="one"),
            label("b", at=T0 + MINUTE, story="s", source="two"),
            label("c", at=T0 + 2 * MINUTE, story="s", source="two", negative=0.1),
            label("d", at=T0 + 3 * MINUTE, story="s", source="three"),
        ],
        first=0,
    )

    def shown(start: datetime, end: datetime) -> list[tuple[int, int, int, datetime | None]]:
        found = store.negative_documents(ACME, start, end, limit=9)
        return [(each.told, each.sources, each.reach, each.first_at) for each in found]

    assert shown(T0, T0 + MINUTE) == [(1, 1, 1, T0)]
    assert shown(T0, T0 + 3 * MINUTE) == [(2, 2, 3, T0)], "a copy that is not negative does not tell it as such"
    assert shown(T0, T0 + HOUR) == [(3, 3, 4, T0)]
    assert shown(T0 + MINUTE, T0 + HOUR) == [], "told before the span"


def test_posts_are_counted_by_their_authors(store: Store) -> None:
    """Ten authors on one network are ten voices; ten posts of one author are one."""
    posts = [
        label(f"p{n}", source="network", source_class=SourceClass.SOCIAL, author=f"author{n % 3}", story=f"s{n % 2}")
        for n in range(9)
    ]
    nameless = label("n", source="network", source_class=SourceClass.SOCIAL)
    add(store, [*posts, nameless, label("w", source="wire", author="Jane Doe")], first=0)

    assert store.negative_voices(ACME, T0, T0 + HOUR) == NegativeVoices(sources=5, documents=11, loudest=5)
    social = SeriesKey(entity="ACME", source_class="social")
    assert store.negative_voices(social, T0, T0 + HOUR).sources == 4
    assert [each.sources for each in store.negative_documents(social, T0, T0 + HOUR, limit=9)] == [3, 3, 1]
    assert store.negative_voices(SeriesKey(entity="NONE"), T0, T0 + HOUR) == NegativeVoices()


def test_old_rows_are_forgotten_and_young_ones_stay(store: Store) -> None:
    """Each kind by its own retention."""
    add(store, [label("old"), label("young", at=T0 + HOUR)], first=0, now=T0)
    deleted = store.forget_before(evidence=T0 + HOUR, buckets=T0 + HOUR, seen=T0)

    assert (deleted["evidence"], deleted["mentions"], deleted["counted_documents"]) == (1, 1, 0)
    assert deleted["buckets"] == 8
    assert add(store, [label("old")], first=2).repeated == 1
    assert store.first_bucket_at() == T0 + HOUR

    deleted = store.forget_before(evidence=T0, buckets=T0, seen=T0 + MINUTE)
    assert deleted["counted_documents"] == 2
