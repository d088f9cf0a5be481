"""What the alert module reads and stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.domain import (
    Alert,
    AlertState,
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
from monitor.ports import BaselineState, Tick
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


def test_hours_hold_their_negative_stories(store: Store) -> None:
    """What the baseline learns from: hours without negatives are left out."""
    assert store.first_bucket_at() is None
    times = [T0 + 59 * MINUTE, T0 + HOUR, T0 + HOUR + MINUTE]
    add(store, [label(str(n), at=at) for n, at in enumerate(times)], first=0)
    add(store, [label("good", at=T0 + 3 * HOUR, negative=0.0)], first=3)

    hours = store.hourly_negatives(T0, T0 + 4 * HOUR)

    assert hours[ACME] == {T0: 1, T0 + HOUR: 2}
    assert hours[SeriesKey()] == hours[ACME]
    assert store.hourly_negatives(T0, T0 + HOUR)[ACME] == {T0: 1}
    assert store.first_bucket_at() == T0 + 59 * MINUTE


def test_evidence_is_one_document_a_story_most_negative_first(store: Store) -> None:
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

    assert found(SeriesKey()) == ["d", "c", "a"], "of the story `s` that which was counted, not the worse copy"
    assert found(ACME) == ["c", "a"]
    assert found(ACME, limit=1) == ["c"]
    assert found(SeriesKey(topic="legal")) == found(SeriesKey(entity="ACME", source_class="social")) == ["c"]
    assert found(SeriesKey(entity="NONE")) == []
    assert store.negative_sources(ACME, T0, T0 + HOUR) == 3
    assert store.negative_sources(SeriesKey(entity="BETA"), T0, T0 + HOUR) == 1
    assert store.negative_sources(SeriesKey(entity="NONE"), T0, T0 + HOUR) == 0


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
