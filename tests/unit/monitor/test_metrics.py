"""Metrics: there from the start, bounded, and set where the thing happens."""

from __future__ import annotations

import runpy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from alerts.gauges import Gauges
from monitor import metrics
from monitor.domain import AlertState, SeriesKey, Transition
from monitor.metrics import AlertMetrics, BuildMetrics, StageMetrics
from tests.fixtures.outbox import MemoryOutbox
from tests.unit.alerts.notices import T0, evidence, headline, notification
from tests.unit.alerts.test_delivery import Scripted, delivery
from tests.unit.pipelines import test_aggregate, test_classify

ROOT = Path(__file__).resolve().parents[3]
MINUTE = timedelta(minutes=1)
ACME, LEGAL = SeriesKey(entity="ACME"), SeriesKey(topic="Legal | Regulation")


def fired(*, after: AlertState = AlertState.FIRING) -> Transition:
    """A transition whose evidence was published 20 and 3 minutes before."""
    late = headline(published_at=T0 - 3 * MINUTE)
    return Transition(
        fingerprint="f", rule="spike", series=ACME, before=AlertState.PENDING, after=after, at=T0,
        evidence=evidence(headline(), late),
    )  # fmt: skip


def gauges(registry: CollectorRegistry) -> Gauges:
    """Over one rule, one ticker, one topic."""
    return Gauges(AlertMetrics(registry), rules=["spike"], tickers=["ACME"], topics=["Legal | Regulation"])


def test_the_build_is_one_series_however_often_it_is_shown() -> None:
    """A join on it must find one partner."""
    registry = CollectorRegistry()
    build = BuildMetrics(registry)
    for version in ("1.0", "1.1"):
        build.show({"tapewatch": version, "python": "3.11.7"})
    labels = {"version": "1.1", "python": "3.11.7", "torch": "missing"}
    assert [sample.labels for family in registry.collect() for sample in family.samples] == [labels]
    assert registry.get_sample_value("tapewatch_build_info", labels) == 1


def test_every_series_of_a_stage_is_there_before_its_first_batch() -> None:
    """A rate over a series that appears with its first value misses that value."""
    registry = CollectorRegistry()
    StageMetrics(registry).start_loop("classify")
    for name in ("records_total", "batch_records_count", "batch_seconds_count", "lag_records", "retries_total"):
        assert registry.get_sample_value(f"tapewatch_stage_{name}", {"stage": "classify"}) == 0, name


def test_the_age_of_the_queue_is_that_of_the_oldest_in_the_batch() -> None:
    """The mean would hide the one that waited."""
    classify, _, registry = test_classify.stage()
    classify.handle([test_classify.record(n, "news") for n in range(3)], test_classify.T0 + 2 * MINUTE)
    assert registry.get_sample_value("tapewatch_classify_queue_age_seconds_sum") == 120
    assert registry.get_sample_value("tapewatch_classify_queue_age_seconds_count") == 1

    aggregate, _, _, registry = test_aggregate.stage()
    aggregate.handle([test_aggregate.record(0, 5)], test_aggregate.T0 - MINUTE)
    assert registry.get_sample_value("tapewatch_aggregate_queue_age_seconds_sum") == 0, "clocks differ; no age is < 0"
    aggregate.handle([test_aggregate.record(0, 6, good=False)], test_aggregate.T0)
    assert registry.get_sample_value("tapewatch_aggregate_queue_age_seconds_count") == 1, "nothing readable, no age"


@pytest.mark.parametrize(
    ("transition", "seconds"),
    [
        (fired(), 180.0),
        (fired(after=AlertState.RESOLVED), 0.0),
        (replace(fired(), evidence=None), 0.0),
        (replace(fired(), rule="gone"), 0.0),
    ],
)
def test_publish_to_alert_runs_from_the_latest_evidence(transition: Transition, seconds: float) -> None:
    """The document that made it fire is the last one, and only an alert that fires has a latency."""
    registry = CollectorRegistry()
    gauges(registry).show_transitions([transition], evaluated_at=T0)
    assert registry.get_sample_value("tapewatch_publish_to_alert_seconds_sum") == seconds


def test_expectations_are_shown_for_what_is_watched_and_nothing_else() -> None:
    """Series of a ticker and a topic together would make the labels unbounded."""
    registry = CollectorRegistry()
    shown = gauges(registry)
    both = SeriesKey(entity="ACME", topic="Legal | Regulation")
    shown.show_expected("spike", {ACME: (7, 1.5), both: (7, 1.5), SeriesKey(entity="OTHER"): (1, 1)})

    found = {
        (sample.labels["entity"], sample.labels["topic"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "tapewatch_expected_negative_stories"
    }
    assert found == {("ACME", "all"): 1.5, ("all", "Legal | Regulation"): 0}
    shown.show_expected("spike", {})
    labels = {"rule": "spike", "entity": "ACME", "topic": "all"}
    assert registry.get_sample_value("tapewatch_negative_stories", labels) == 0


def test_delivery_is_timed_from_the_making_of_the_notification() -> None:
    """A receiver that was away for a minute shows as a minute, not as the milliseconds of the last attempt."""
    outbox, registry = MemoryOutbox(), CollectorRegistry()
    outbox.put(notification(created_at=T0 - MINUTE))
    with delivery(outbox, registry, desk=Scripted()) as work:
        assert registry.get_sample_value("tapewatch_delivery_seconds_count", {"receiver": "desk"}) == 0
        work.run_once(T0)
    assert registry.get_sample_value("tapewatch_delivery_seconds_sum", {"receiver": "desk"}) == 60


def test_names_are_in_base_units_and_say_what_they_are() -> None:
    """Seconds, bytes, ratios; a help text for each; no label from an open set."""
    registry = CollectorRegistry()
    for made in vars(metrics).values():
        if isinstance(made, type) and made.__name__.endswith("Metrics"):
            made(registry)
    open_sets = {"url", "document", "author", "text", "fingerprint", "id"}
    for collector in registry._collector_to_names:
        assert collector._name.startswith("tapewatch_")
        assert not collector._name.endswith(("_ms", "_minutes", "_percent", "_kb", "_mb")), collector._name
        assert collector._documentation.rstrip().endswith("."), collector._name
        assert not open_sets & set(collector._labelnames), collector._name


def test_the_page_on_metrics_lists_every_one_as_it_is() -> None:
    """A metric that nobody finds is of no use, and one that is gone misleads."""
    script = runpy.run_path(str(ROOT / "scripts/list_metrics.py"))
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert script["rendered"](page) == page, "run scripts/list_metrics.py --write"
