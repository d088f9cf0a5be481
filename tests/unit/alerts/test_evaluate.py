"""The evaluator, over a store in memory: from stories to alerts and notifications."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts.evaluate import Evaluator
from monitor.domain import AlertState, SeriesKey, Transition
from monitor.errors import TransientError
from monitor.metrics import AlertMetrics
from monitor.settings import AlertingSettings
from tests.fixtures.alert_store import FakeAlertStore
from tests.unit.alerts.build import DAY, HOUR, MINUTE, T0

ACME, GLOBEX = SeriesKey(entity="ACME"), SeriesKey(entity="GLOBEX")
SPIKE: dict[str, Any] = {
    "name": "NegativeSpike", "window": "1h", "method": "negative-binomial", "gates": {"min_count": 5},
    "keep_firing_for": "10m", "labels": {"severity": "page"}, "no_data_after": 0,
}  # fmt: skip
MAIL = {"type": "webhook", "name": "hook", "url": "http://localhost:1/"}
PENDING, FIRING, RESOLVED = AlertState.PENDING, AlertState.FIRING, AlertState.RESOLVED


def configured(*rules: dict[str, Any]) -> AlertingSettings:
    """Settings with these rules and one receiver."""
    given = {"rules": rules or (SPIKE,), "receivers": [MAIL], "route": {"receiver": "hook"}}
    return AlertingSettings.model_validate(given)


def evaluator(
    store: FakeAlertStore, *rules: dict[str, Any], registry: CollectorRegistry | None = None, owner: str = "one"
) -> Evaluator:
    """An evaluator of two tickers and two topics."""
    return Evaluator(
        store, configured(*rules), tickers=("ACME", "GLOBEX"), topics=("Legal", "Macro"), bucket=MINUTE,
        metrics=AlertMetrics(registry or CollectorRegistry()), owner=owner,
    )  # fmt: skip


def calm_store(days: int = 10) -> FakeAlertStore:
    """One negative story a day about ACME, up to T0."""
    store = FakeAlertStore()
    for day in range(days, 0, -1):
        store.tell(ACME, T0 - day * DAY)
    return store


def spike(store: FakeAlertStore, at: datetime = T0, count: int = 8, sources: int = 3) -> None:
    """Bad news about ACME within a few minutes from `at` on."""
    for i in range(count):
        store.tell(ACME, at + i * MINUTE / 2, source=f"s{i % sources}")


def minutes(evaluator_: Evaluator, count: int, *, start: datetime = T0) -> list[Transition]:
    """Transitions of one tick a minute."""
    return [t for i in range(count) for t in evaluator_.tick(start + i * MINUTE).transitions]


def test_spike_fires_with_its_evidence_and_resolves_after_it() -> None:
    """The whole way: what was seen and expected, the documents, one message to begin and one to end."""
    store = calm_store()
    spike(store)
    transitions = minutes(evaluator(store), 120)
    assert [t.after for t in transitions] == [FIRING, AlertState.RECOVERING, RESOLVED]
    (alert,) = store.alerts()
    evidence = alert.evidence
    assert evidence is not None
    assert (alert.series, alert.labels["severity"]) == (ACME, "page")
    assert all(gate.passed for gate in evidence.gates.values())
    assert evidence.gates.keys() >= {"min_count", "min_ratio", "min_history", "min_sources", "max_story_share"}
    assert evidence.expected < 0.5
    assert 0 < len(evidence.documents) <= 5
    assert evidence.history_s == pytest.approx(10 * 86400, abs=2 * 3600)
    assert [n.reason for n in store.sent] == ["first", "resolved"]


def test_evidence_says_what_a_cap_kept_out() -> None:
    """Whoever is woken must know that there was more, and why it does not count."""
    store = calm_store()
    spike(store)
    store.held_back = {ACME: (T0, 40)}
    fired = [t for t in minutes(evaluator(store), 30) if t.after is AlertState.FIRING]
    assert [t.evidence.held_back for t in fired if t.evidence] == [40]


def test_calm_series_is_left_alone() -> None:
    """Nothing is stored but what was learned."""
    store = calm_store()
    watch = evaluator(store)
    assert minutes(watch, 30) == []
    assert [bool(tick.alerts or tick.groups) for tick in store.stored] == [False] * len(store.stored)
    assert len(store.stored) == 1
    assert watch.idle


@pytest.mark.parametrize(
    "gates", [{"min_count": 9}, {"min_sources": 4}, {"min_ratio": 1e5}], ids=["count", "sources", "ratio"]
)
def test_gate_that_fails_keeps_the_alert_from_firing(gates: dict[str, float]) -> None:
    """Each alone is enough."""
    store = calm_store()
    spike(store)
    assert minutes(evaluator(store, {**SPIKE, "gates": {**SPIKE["gates"], **gates}}), 30) == []


def test_rule_does_not_fire_before_it_knows_enough() -> None:
    """`min_history`."""
    store = calm_store(days=1)
    spike(store)
    assert minutes(evaluator(store), 30) == []


def test_sources_are_asked_for_only_when_the_count_is_enough() -> None:
    """A query for every series at every tick would be the most expensive part."""
    store = calm_store()
    spike(store, count=4)
    minutes(evaluator(store), 30)
    assert store.source_questions == 0


def test_series_that_no_rule_follows_is_not_alerted() -> None:
    """A topic of ACME spikes; the rule follows entities over all topics."""
    store = calm_store()
    for i in range(9):
        store.tell(SeriesKey(entity="ACME", topic="Legal"), T0, source=f"s{i}")
    assert minutes(evaluator(store), 10) == []


def test_window_is_cut_to_whole_buckets() -> None:
    """A story of the bucket that is still open is not counted yet."""
    store = calm_store()
    for i in range(8):
        store.tell(ACME, T0, source=f"s{i}")
    watch = evaluator(store)
    assert watch.tick(T0 + timedelta(seconds=59)).transitions == []
    (transition,) = watch.tick(T0 + timedelta(seconds=61)).transitions
    assert transition.evidence is not None
    assert transition.evidence.window_end_at == T0 + MINUTE


def test_baseline_rests_on_hours_before_the_window() -> None:
    """It must not learn from what it has to judge."""
    store = calm_store()
    evaluator(store, {**SPIKE, "window": "24h"}).tick(T0 + 30 * MINUTE)
    assert {state.learned_until for state in store.baselines()} == {T0 - DAY}


def test_nothing_is_learned_while_firing() -> None:
    """The hours of an episode never reach the level."""
    with_spike, without = calm_store(), calm_store()
    for hour in range(6):
        spike(with_spike, T0 + hour * HOUR, count=20)
    expected = []
    for store in (with_spike, without):
        watch = evaluator(store)
        minutes(watch, 12 * 60)
        spike(store, T0 + 15 * HOUR)
        (fired,) = (t for t in minutes(watch, 10, start=T0 + 15 * HOUR) if t.after is FIRING)
        expected.append(fired.evidence.expected if fired.evidence else None)
    assert expected[0] == pytest.approx(expected[1], rel=0.1)


def test_history_is_read_once_and_then_hour_by_hour() -> None:
    """Then only slots in which something was told, and a restart reads no more than its windows."""
    store = calm_store()
    watch = evaluator(store)
    minutes(watch, 10)
    assert max(end - start for start, end in store.slot_questions) > 9 * DAY
    store.slot_questions.clear()
    spike(store, T0 + 12 * MINUTE, count=1)
    minutes(watch, 120, start=T0 + 10 * MINUTE)
    assert [end - start for start, end in store.slot_questions] == [MINUTE]
    minutes(evaluator(store), 10, start=T0 + 130 * MINUTE)
    assert max(end - start for start, end in store.slot_questions) < 6 * HOUR


def test_changed_rule_learns_anew() -> None:
    """Its old baseline belongs to other windows; no alert is lost by it."""
    store = calm_store()
    minutes(evaluator(store), 1)
    spike(store)
    transitions = minutes(evaluator(store, {**SPIKE, "window": "2h"}), 20)
    assert [t.after for t in transitions] == [FIRING]


def test_rule_that_is_gone_leaves_nothing_firing() -> None:
    """Its alerts are resolved, and the receiver hears it."""
    store = calm_store()
    spike(store)
    minutes(evaluator(store), 10)
    other = {**SPIKE, "name": "Another", "gates": {"min_count": 100}}
    transitions = minutes(evaluator(store, other), 10, start=T0 + 10 * MINUTE)
    assert [(t.rule, t.after) for t in transitions] == [("NegativeSpike", RESOLVED)]
    assert [n.reason for n in store.sent] == ["first", "resolved"]


def test_only_one_process_evaluates() -> None:
    """The other stands by, and goes on from the stored states once the first falls silent."""
    store, registry = calm_store(), CollectorRegistry()
    one, two = evaluator(store), evaluator(store, owner="two", registry=registry)
    assert one.run_once(T0) is True
    assert two.run_once(T0) is False
    spike(store)
    assert one.run_once(T0 + 5 * MINUTE) is True
    assert two.run_once(T0 + 6 * MINUTE) is False
    assert two.run_once(T0 + 20 * MINUTE) is False, "what was missed in between has something to tell"
    assert two.run_once(T0 + 20 * MINUTE) is True
    assert [t.after for t in store.transitions()] == [FIRING]
    outcomes = {
        o: registry.get_sample_value("tapewatch_alert_evaluations_total", {"outcome": o}) for o in ("done", "standby")
    }
    assert outcomes == {"done": 1.0, "standby": 2.0}


def test_failed_tick_changes_nothing_and_the_next_goes_on() -> None:
    """Memory is thrown away when the store may not agree with it."""
    store, registry = calm_store(), CollectorRegistry()
    spike(store)
    watch = evaluator(store, registry=registry)
    store.fails = True
    with pytest.raises(TransientError):
        watch.run_once(T0 + 6 * MINUTE)
    assert store.stored == []
    store.fails = False
    assert watch.run_once(T0 + 7 * MINUTE)
    assert [t.after for t in store.transitions()] == [FIRING]
    assert registry.get_sample_value("tapewatch_alert_evaluations_total", {"outcome": "failed"}) == 1.0


def test_metrics_show_states_and_sentiment() -> None:
    """Zero from the start, for every rule, entity and topic."""
    store, registry = calm_store(), CollectorRegistry()
    watch = evaluator(store, registry=registry)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("tapewatch_sentiment", entity="GLOBEX", topic="all") == 0.0
    assert value("tapewatch_window_stories", entity="all", topic="Legal", sentiment="negative") == 0.0
    assert value("tapewatch_alerts", rule="NegativeSpike", state="firing") == 0.0
    spike(store)
    store.tell(ACME, T0, negative=False)
    minutes(watch, 10)
    assert value("tapewatch_alerts", rule="NegativeSpike", state="firing") == 1.0
    assert value("tapewatch_alert_transitions_total", rule="NegativeSpike", state="firing") == 1.0
    assert value("tapewatch_window_stories", entity="ACME", topic="all", sentiment="negative") == 8.0
    assert value("tapewatch_sentiment", entity="ACME", topic="all") == pytest.approx(-(8 * 0.9 + 0.05) / 9)
    assert value("tapewatch_alert_last_evaluation_timestamp_seconds") == (T0 + 9 * MINUTE).timestamp()


TELLINGS = st.lists(st.tuples(st.integers(0, 400), st.sampled_from([ACME, GLOBEX]), st.integers(1, 9)), max_size=6)
RULES = ({**SPIKE, "for": "3m"}, {**SPIKE, "name": "Wide", "window": "3h", "keep_firing_for": "1h"})


def told(tellings: list[tuple[int, SeriesKey, int]]) -> FakeAlertStore:
    """A calm store with bursts at some minutes after T0."""
    store = calm_store()
    for minute, series, count in tellings:
        for i in range(count):
            store.tell(series, T0 + minute * MINUTE, source=f"s{i}")
    return store


@settings(max_examples=15, deadline=None)
@given(TELLINGS, st.sets(st.integers(0, 50), max_size=8))
@example([(5, ACME, 9), (300, GLOBEX, 8)], {1, 2, 9, 31})
def test_restart_at_any_tick_changes_nothing(tellings: list[tuple[int, SeriesKey, int]], restarts: set[int]) -> None:
    """The same counts give the same transitions, messages and states, whenever the process was started over."""
    steady, restarted = told(tellings), told(tellings)
    one, two = evaluator(steady, *RULES), evaluator(restarted, *RULES)
    for i in range(50):
        if i in restarts:
            two = evaluator(restarted, *RULES)
        at = T0 + i * 10 * MINUTE
        assert one.tick(at).transitions == two.tick(at).transitions
    assert steady.sent == restarted.sent
    assert steady.alerts() == restarted.alerts()


@settings(max_examples=15, deadline=None)
@given(TELLINGS)
@example([(5, ACME, 9), (40, ACME, 2), (300, GLOBEX, 8)])
def test_ticks_may_be_passed_over_while_idle(tellings: list[tuple[int, SeriesKey, int]]) -> None:
    """A replay that skips idle ticks until new data arrives finds exactly what a live monitor finds."""
    every, some = told([]), told([])
    one, two = evaluator(every, *RULES), evaluator(some, *RULES)
    waiting = sorted(tellings, key=lambda telling: telling[0])
    skipped = 0
    for i in range(80):
        at, news = T0 + i * 6 * MINUTE, False
        while waiting and T0 + waiting[0][0] * MINUTE < at:
            minute, series, count = waiting.pop(0)
            news = True
            for j in range(count):
                for store in (every, some):
                    store.tell(series, T0 + minute * MINUTE, source=f"s{j}")
        one.tick(at)
        if i and two.idle and not news:
            skipped += 1
        else:
            two.tick(at)
    assert skipped > 0 or tellings
    assert every.transitions() == some.transitions()
    assert every.sent == some.sent


def test_cost_of_a_tick_does_not_grow_with_quiet_series() -> None:
    """A thousand series below their gates are one question to the store for each window, and nothing to store."""
    store = FakeAlertStore()
    tickers = [f"T{i}" for i in range(1000)]
    for ticker in tickers:
        store.tell(SeriesKey(entity=ticker), T0 - 10 * DAY)
        store.tell(SeriesKey(entity=ticker), T0)
    watch = Evaluator(
        store, configured(SPIKE), tickers=tickers, topics=(), bucket=MINUTE,
        metrics=AlertMetrics(CollectorRegistry()), owner="one",
    )  # fmt: skip
    watch.tick(T0 + MINUTE)
    asked, stored = store.window_questions, len(store.stored)
    watch.tick(T0 + 2 * MINUTE)
    assert (store.window_questions - asked, store.source_questions, len(store.stored) - stored) == (1, 0, 0)
