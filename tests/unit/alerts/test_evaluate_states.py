"""What the evaluator says when it cannot say: uncertain, no data, error; and alerts that one story makes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from alerts.detector import Detector
from alerts.evaluate import Evaluator
from alerts.evidence import story_share
from alerts.grid import CountGrid
from alerts.scan import Scan
from monitor.domain import AlertState, SeriesKey
from monitor.metrics import AlertMetrics
from tests.fixtures.alert_store import FakeAlertStore
from tests.unit.alerts.build import HOUR, MINUTE, T0
from tests.unit.alerts.readings import reading
from tests.unit.alerts.test_evaluate import ACME, SPIKE, calm_store, configured, evaluator, minutes, spike

N, F, R, D, U = (
    AlertState.NORMAL, AlertState.FIRING, AlertState.RECOVERING, AlertState.RESOLVED, AlertState.UNCERTAIN,
)  # fmt: skip


class Light:
    """Coverage that a test sets."""

    def __init__(self) -> None:
        self.share: float | None = 1.0
        self.asked: list[tuple[timedelta, str]] = []

    def __call__(self, start: datetime, end: datetime, source_class: str) -> float | None:
        self.asked.append((end - start, source_class))
        return self.share


def lit(store: FakeAlertStore, light: Light, **changes: object) -> Evaluator:
    """An evaluator whose sources are covered as `light` says."""
    return Evaluator(
        store, configured({**SPIKE, **changes}), tickers=("ACME",), topics=(), bucket=MINUTE,
        metrics=AlertMetrics(CollectorRegistry()), owner="one", coverage=light,
    )  # fmt: skip


def test_dead_sources_block_firing_until_they_are_back() -> None:
    """Half the sources are away: the rest may make a spike of nothing."""
    store, light = calm_store(), Light()
    spike(store)
    watch = lit(store, light)
    light.share = 0.3
    (doubted,) = minutes(watch, 10)
    assert (doubted.before, doubted.after) == (N, U)
    assert doubted.reason == "only 30% of the sources were looked at lately, the rule wants 50%"
    assert doubted.evidence is not None
    gate = doubted.evidence.gates["min_coverage"]
    assert (gate.passed, gate.value, gate.limit, doubted.evidence.coverage) == (False, 0.3, 0.5, 0.3)
    assert store.sent == []
    light.share = 0.5
    assert [(t.before, t.after) for t in minutes(watch, 2, start=T0 + 10 * MINUTE)] == [(U, N), (N, F)]
    assert [n.reason for n in store.sent] == ["first"]
    assert set(light.asked) == {(HOUR, "all")}


def test_dead_sources_block_resolving() -> None:
    """Silence is not calm."""
    store, light = calm_store(), Light()
    spike(store)
    watch = lit(store, light)
    minutes(watch, 20)
    light.share = 0.0
    dark = minutes(watch, 300, start=T0 + 20 * MINUTE)
    assert [(t.before, t.after) for t in dark] == [(F, U)]
    assert [n.reason for n in store.sent] == ["first", "repeat"], "receivers still see it as firing"
    light.share = 1.0
    after = minutes(watch, 60, start=T0 + 320 * MINUTE)
    assert [(t.before, t.after) for t in after] == [(U, F), (F, R), (R, D)]


def test_candidate_that_goes_away_in_the_dark_is_forgotten() -> None:
    """It had never fired."""
    store, light = calm_store(), Light()
    spike(store)
    light.share = 0.0
    assert [t.after for t in minutes(lit(store, light), 90)] == [U, N]


@pytest.mark.parametrize(("share", "least"), [(None, 0.5), (0.0, 0.0)])
def test_coverage_that_is_unknown_or_not_wanted_blocks_nothing(share: float | None, least: float) -> None:
    """A replay has no sources, and who pushes documents has no schedule."""
    store, light = calm_store(), Light()
    spike(store)
    light.share = share
    watch = lit(store, light, gates={**SPIKE["gates"], "min_coverage": least})
    assert [t.after for t in minutes(watch, 10)] == [F]


def test_silence_is_a_state_that_is_told() -> None:
    """Nothing at all for long: the rule says so, as an alert, and ends it when documents come."""
    store = calm_store()
    store.tell(SeriesKey(), T0, negative=False)
    watch = evaluator(store, {**SPIKE, "no_data_after": "2h"})
    silent = minutes(watch, 179, start=T0 + MINUTE)
    assert [(t.after, t.at, t.series) for t in silent] == [(AlertState.NO_DATA, T0 + 121 * MINUTE, SeriesKey())]
    (alert,) = store.alerts()
    assert (alert.labels["alertname"], alert.labels["state"]) == ("NegativeSpike", "no-data")
    assert alert.reason == "no document was counted since 2024-03-04 12:01 UTC"
    store.tell(SeriesKey(), T0 + 3 * HOUR, negative=False)
    assert [t.after for t in minutes(watch, 10, start=T0 + 3 * HOUR)] == [D]
    assert [n.reason for n in store.sent] == ["first", "resolved"]


def test_alert_does_not_resolve_in_silence() -> None:
    """What is not told any more because nothing is told any more is not over."""
    store = calm_store()
    spike(store)
    watch = evaluator(store, {**SPIKE, "no_data_after": "30m"})
    moved = [(t.before, t.after) for t in minutes(watch, 180) if t.series == ACME]
    assert moved == [(N, F), (F, U)]
    store.tell(SeriesKey(), T0 + 3 * HOUR, negative=False)
    after = [t for t in minutes(watch, 20, start=T0 + 3 * HOUR) if t.series == ACME]
    assert [(t.before, t.after) for t in after] == [(U, F), (F, R), (R, D)]


def test_store_that_never_held_anything_is_silent_too() -> None:
    """A monitor whose sources never worked must not look calm."""
    watch = evaluator(FakeAlertStore(), {**SPIKE, "no_data_after": "1h"})
    (silent,) = minutes(watch, 90)
    assert (silent.after, silent.at) == (AlertState.NO_DATA, T0 + HOUR)
    assert silent.reason == "no document was ever counted; looking since 2024-03-04 12:00 UTC"


def test_rule_that_fails_is_in_error_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its alerts are uncertain meanwhile, and all is told."""
    store = calm_store()
    spike(store)
    rules = (SPIKE, {**SPIKE, "name": "Other"})
    watch, sound = evaluator(store, *rules), Detector.scan
    minutes(watch, 10)

    def scan(self: Detector, grid: CountGrid, ends: list[datetime]) -> Scan:
        if self.rule.name == "Other" and any(T0 + 20 * MINUTE <= end < T0 + 30 * MINUTE for end in ends):
            raise ZeroDivisionError("nothing to divide by")
        return sound(self, grid, ends)

    monkeypatch.setattr(Detector, "scan", scan)
    ticks = [T0 + i * MINUTE for i in range(10, 40)]
    moved = [t for tick in watch.evaluate(ticks) for t in tick.transitions]
    assert {t.rule for t in moved} == {"Other"}
    assert [(t.before, t.after, (t.at - T0) // MINUTE) for t in moved] == [
        (F, U, 20), (N, AlertState.ERROR, 20), (U, F, 30), (AlertState.ERROR, D, 30)
    ]  # fmt: skip
    assert moved[1].reason == "ZeroDivisionError: nothing to divide by"
    assert [n.reason for n in store.sent if n.alerts[0].state is AlertState.ERROR] == ["first"]


def test_changed_rule_begins_anew() -> None:
    """What the old one said is over; what the new one says is another episode."""
    store = calm_store()
    spike(store)
    minutes(evaluator(store), 10)
    stricter = {**SPIKE, "gates": {**SPIKE["gates"], "min_count": 20}}
    (ended,) = minutes(evaluator(store, stricter), 5, start=T0 + 10 * MINUTE)
    assert (ended.after, ended.reason) == (D, "the rule was changed")
    again = minutes(evaluator(store), 5, start=T0 + 15 * MINUTE)
    assert [(t.before, t.after) for t in again] == [(D, F)]
    (alert,) = store.alerts()
    assert alert.fired_at == T0 + 15 * MINUTE


def test_new_words_do_not_end_an_alert() -> None:
    """Labels and annotations judge nothing."""
    store = calm_store()
    spike(store)
    minutes(evaluator(store), 10)
    reworded = {**SPIKE, "annotations": {"summary": "x"}, "labels": {"severity": "mail"}}
    assert minutes(evaluator(store, reworded), 5, start=T0 + 10 * MINUTE) == []


def test_one_story_that_everybody_tells_is_marked_until_others_come() -> None:
    """Routes can keep it from waking anybody; once it is more than one story, they no longer do."""
    store = calm_store()
    store.copies = 400
    spike(store)
    watch = evaluator(store)
    (fired,) = minutes(watch, 10)
    (alert,) = store.alerts()
    assert alert.labels["single_story"] == "true"
    assert fired.evidence is not None
    assert fired.evidence.single_story
    gate = fired.evidence.gates["max_story_share"]
    assert (gate.passed, gate.limit) == (True, 0.8)
    assert gate.value == pytest.approx(1.0, abs=0.05)
    store.copies = 0
    spike(store, T0 + 11 * MINUTE)
    minutes(watch, 5, start=T0 + 12 * MINUTE)
    assert "single_story" not in store.alerts()[0].labels


def test_single_story_can_be_blocked() -> None:
    """For who wants to hear of it only once it is more than one story."""
    store = calm_store()
    store.copies = 400
    spike(store)
    gates = {**SPIKE["gates"], "single_story": "block"}
    assert minutes(evaluator(store, {**SPIKE, "gates": gates}), 20) == []
    store.copies = 1
    spike(store, T0 + 20 * MINUTE)
    assert [t.after for t in minutes(evaluator(store, {**SPIKE, "gates": gates}), 9, start=T0 + 21 * MINUTE)] == [F]


def test_evidence_says_which_stories_it_hangs_on() -> None:
    """Five are wanted and five are there: each is needed. With eight none is."""
    for count, needed in ((5, True), (8, False)):
        store = calm_store()
        for i in range(count):
            store.tell(ACME, T0, source=f"s{i}")
        (fired,) = minutes(evaluator(store), 5)
        assert fired.evidence is not None
        documents = fired.evidence.documents
        assert {each.decisive for each in documents} == {needed}
        assert sum(each.share for each in documents) == pytest.approx(5 / count, rel=0.05)


@pytest.mark.parametrize(
    ("told", "documents", "expected", "share"),
    [(1, 4, 0.0, 0.25), (1, 4, 2.0, 0.5), (4, 4, 2.0, 1.0), (3, 4, 2.0, 1.0), (1, 4, 9.0, 0.25), (0, 0, 0.0, 0.0)],
)
def test_share_of_a_story_is_of_the_excess(told: int, documents: int, expected: float, share: float) -> None:
    """Where half was expected anyway, a quarter of what was told is half of the excess."""
    assert story_share(told, documents, reading(seen=4, expected=expected)) == share
