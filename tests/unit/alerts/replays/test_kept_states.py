"""States in memory: each try of rules begins anew, and what was counted is left as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.replays.kept_states import KeptStates
from monitor.domain import Alert, AlertState, GroupState, SeriesKey, Silence, Transition
from monitor.ports import BaselineState, Tick
from tests.fixtures.alert_store import FakeAlertStore

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = SeriesKey(entity="ACME")


def tick(at: datetime, state: AlertState = AlertState.FIRING) -> Tick:
    """A tick at which one alert comes into `state`."""
    return Tick(
        at=at,
        alerts=[Alert(fingerprint="f", rule="r", series=ACME, labels={}, state=state, since_at=at)],
        transitions=[Transition(fingerprint="f", rule="r", series=ACME, before=AlertState.NORMAL, after=state, at=at)],
        groups=[GroupState(receiver="desk", group_key="g", first_seen_at=at)],
        notifications=[],
        baselines=[BaselineState(rule="r", series=ACME, learned_until=at, state={})],
    )


def test_counts_and_documents_are_those_that_were_counted() -> None:
    """Whatever is asked."""
    counted = FakeAlertStore()
    counted.tell(ACME, T0)
    kept = KeptStates(counted)
    span = (T0, T0 + HOUR)

    assert kept.window_counts(*span)[ACME].negative == 1
    assert kept.slot_counts(*span) == counted.slot_counts(*span)
    assert kept.slot_documents([T0]) == counted.slot_documents([T0])
    assert kept.negative_documents(ACME, *span, limit=3) == counted.negative_documents(ACME, *span, limit=3)
    assert kept.negative_voices(ACME, *span) == counted.negative_voices(ACME, *span)
    assert kept.first_bucket_at() == counted.first_bucket_at()
    assert kept.last_bucket_at(before=T0 + HOUR) == counted.last_bucket_at(before=T0 + HOUR)


def test_nothing_that_a_try_changes_reaches_the_store() -> None:
    """Nor the next try."""
    counted = FakeAlertStore()
    KeptStates(counted).store_tick(tick(T0))

    assert counted.stored == []
    assert KeptStates(counted).alerts() == []


def test_the_latest_state_counts_and_every_transition_is_kept() -> None:
    """As in the database: transitions the latest first."""
    kept = KeptStates(FakeAlertStore())
    kept.store_tick(tick(T0))
    kept.store_tick(tick(T0 + HOUR, AlertState.RESOLVED))

    assert [alert.state for alert in kept.alerts()] == [AlertState.RESOLVED]
    assert [each.at for each in kept.transitions()] == [T0 + HOUR, T0]
    assert [each.at for each in kept.transitions(since=T0 + HOUR)] == [T0 + HOUR]
    assert [each.at for each in kept.transitions(limit=1)] == [T0 + HOUR]
    assert len(kept.groups()) == len(kept.baselines()) == 1


@pytest.mark.parametrize(("hours", "is_active"), [(-1, False), (0, True), (1, False)])
def test_silences_of_a_try_are_its_own(hours: int, is_active: bool) -> None:
    """In force from their start, and no more at their end."""
    kept = KeptStates(FakeAlertStore())
    kept.save_silence(Silence(id="s", matchers=(), starts_at=T0, ends_at=T0 + HOUR, created_by="me", comment="known"))

    assert bool(kept.silences(active_at=T0 + hours * HOUR)) is is_active
    assert len(kept.silences()) == 1


def test_the_lease_is_always_ours() -> None:
    """Nobody else works on states in memory."""
    kept = KeptStates(FakeAlertStore())
    kept.release_lease("evaluate", owner="me")

    assert kept.acquire_lease("evaluate", owner="me", now=T0, ttl=HOUR)
