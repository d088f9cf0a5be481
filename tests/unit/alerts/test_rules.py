"""Rules: the series they follow, their labels, their gates."""

from datetime import timedelta

import pytest

from alerts.rules import Reading, alert_labels, fingerprint, followed, source_gate, statistical_gates
from monitor.domain import GateReading, SeriesKey
from tests.unit.alerts.build import rule

TICKERS, TOPICS = ("ACME", "GLOBEX"), ("Earnings", "Legal", "Macro")


def reading(**changes: float) -> Reading:
    """A reading that passes every gate, but for `changes`."""
    values: dict[str, float] = {"seen": 10, "stories": 12, "expected": 1.0, "dispersion": 2.0, "p_value": 1e-6}
    history = timedelta(days=changes.pop("days", 30))
    return Reading(**{**values, **changes}, history=history)  # type: ignore[arg-type]


def test_each_stands_for_what_is_watched_and_what_the_model_knows() -> None:
    """`each` by `each` by `each` is every combination, and `all` one summed part."""
    every = rule(series={"entity": "each", "topic": "each", "source_class": "each"})
    assert len(followed(every, tickers=TICKERS, topics=TOPICS)) == 2 * 3 * 3
    assert followed(rule(), tickers=TICKERS, topics=TOPICS) == {
        SeriesKey(entity="ACME"), SeriesKey(entity="GLOBEX")
    }  # fmt: skip
    summed = rule(series={"entity": "all", "topic": "each"})
    assert followed(summed, tickers=TICKERS, topics=TOPICS) == {SeriesKey(topic=topic) for topic in TOPICS}


def test_list_follows_only_what_it_names() -> None:
    """A list of tickers and classes."""
    named = rule(series={"entity": ["ACME"], "source_class": ["news", "filing"]})
    assert followed(named, tickers=TICKERS, topics=TOPICS) == {
        SeriesKey(entity="ACME", source_class="news"), SeriesKey(entity="ACME", source_class="filing")
    }  # fmt: skip


def test_fingerprint_is_stable_and_tells_alerts_apart() -> None:
    """It is stored: a new program must find the alerts of the old one."""
    acme = SeriesKey(entity="ACME")
    assert fingerprint("NegativeSpike", acme) == "a4b3cb134b3e8c4d"
    others = {fingerprint("Other", acme), fingerprint("NegativeSpike", SeriesKey(topic="ACME"))}
    assert fingerprint("NegativeSpike", acme) not in others
    assert len(others) == 2


def test_labels_say_what_the_alert_is_about() -> None:
    """The rule's own labels come along, but cannot hide the series."""
    labels = alert_labels(rule(labels={"severity": "page", "entity": "x"}), SeriesKey(entity="ACME", topic="Legal"))
    assert labels == {
        "severity": "page", "alertname": "NegativeSpike", "entity": "ACME", "topic": "Legal", "source_class": "all"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, set()),
        ({"p_value": 1e-3}, {"p_value"}),
        ({"seen": 4}, {"min_count"}),
        ({"expected": 4.0}, {"min_ratio"}),
        ({"days": 1}, {"min_history"}),
    ],
)
def test_each_gate_has_its_own_name(changes: dict[str, float], failed: set[str]) -> None:
    """An alert shows which condition held and which did not."""
    gates = statistical_gates(rule(), reading(**changes))
    assert {name for name, gate in gates.items() if not gate.passed} == failed


def test_gates_hold_at_their_limit() -> None:
    """`min_count: 5` lets five through; likewise the others."""
    at_limit = reading(seen=6, expected=2.0, p_value=1e-4, days=2)
    assert all(gate.passed for gate in statistical_gates(rule(gates={"min_count": 6}), at_limit).values())
    assert source_gate(rule(), 2)["min_sources"] == GateReading(passed=True, value=2, limit=2)
    assert source_gate(rule(), 1)["min_sources"] == GateReading(passed=False, value=1, limit=2)


def test_ratio_is_bounded() -> None:
    """Something where nothing was expected is a number that can be shown."""
    assert reading(expected=0.0).ratio == 1e6
    assert reading(expected=4.0).ratio == 2.5
