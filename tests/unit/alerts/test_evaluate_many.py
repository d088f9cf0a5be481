"""The evaluator over time: many ticks at once, late documents, clocks that step; all give what a calm life gives."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts.evaluate import Evaluator
from monitor.domain import AlertState, SeriesKey, Transition
from monitor.metrics import AlertMetrics
from monitor.settings import AlertingSettings
from tests.fixtures.alert_store import FakeAlertStore
from tests.unit.alerts.build import DAY, HOUR, MINUTE, T0
from tests.unit.alerts.test_evaluate import ACME, GLOBEX, MAIL, SPIKE, calm_store, evaluator, minutes, spike

RULES = (
    {**SPIKE, "for": "6m"},
    {**SPIKE, "name": "Wide", "window": "3h", "keep_firing_for": "1h", "no_data_after": "2h"},
)
TELLINGS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from([ACME, GLOBEX]), st.integers(1, 9)), min_size=1, max_size=6
)
DARK = st.sets(st.integers(0, 5), max_size=2)


def watch(store: FakeAlertStore, dark: set[int], **changes: object) -> Evaluator:
    """An evaluator of two rules, to whom nothing is covered in the hours `dark` after T0."""

    def coverage(start: datetime, end: datetime, source_class: str) -> float:
        assert (end - start, source_class) in {(HOUR, "all"), (3 * HOUR, "all")}
        return 0.1 if (end - T0) // HOUR in dark else 0.9

    given = {"rules": RULES, "receivers": [MAIL], "route": {"receiver": "hook", "group_interval": "10m"}, **changes}
    return Evaluator(
        store, AlertingSettings.model_validate(given), tickers=("ACME", "GLOBEX"), topics=(), bucket=MINUTE,
        metrics=AlertMetrics(CollectorRegistry()), owner="one", coverage=coverage,
    )  # fmt: skip


def told(tellings: list[tuple[int, SeriesKey, int]]) -> FakeAlertStore:
    """A calm store with bursts at some minutes after T0; with copies, so that some are single stories."""
    store = calm_store(days=4)
    store.copies = 20
    for minute, series, count in tellings:
        for i in range(count):
            store.tell(series, T0 + minute * MINUTE, source=f"s{i}")
    return store


@settings(max_examples=8, deadline=None)
@given(TELLINGS, DARK, st.lists(st.integers(1, 40), max_size=4))
@example([(5, ACME, 9), (40, ACME, 2), (200, GLOBEX, 8)], {1}, [3, 20])
def test_many_ticks_give_what_they_give_one_by_one(
    tellings: list[tuple[int, SeriesKey, int]], dark: set[int], cuts: list[int]
) -> None:
    """A replay reads days at once; a live monitor a minute. Restarts and the cut into pieces change nothing."""
    ticks = [T0 + i * 7 * MINUTE for i in range(60)]
    single, many = told(tellings), told(tellings)
    steady = watch(single, dark)
    for at in ticks:
        steady.tick(at)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(ticks)], strict=True):
        list(watch(many, dark).evaluate(ticks[start:end]))
    assert many.transitions() == single.transitions()
    assert many.sent == single.sent
    assert many.alerts() == single.alerts()
    assert many.groups() == single.groups()
    assert many.baselines() == single.baselines()


DELAYED = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([ACME, GLOBEX]), st.integers(0, 10), st.integers(0, 2)), max_size=25
)


def lived(documents: list[tuple[int, SeriesKey, int, int]], *, delayed: bool) -> FakeAlertStore:
    """A store after two hours in which each document came so many minutes after it was published."""
    store, waiting = calm_store(days=4), list(documents)
    live = watch(store, set(), allowed_lateness="10m")
    for minute in range(120):
        for each in [each for each in waiting if each[0] + (each[2] if delayed else 0) <= minute]:
            store.tell(each[1], T0 + each[0] * MINUTE, source=f"s{each[3]}")
            waiting.remove(each)
        assert live.run_once(T0 + minute * MINUTE)
    return store


@settings(max_examples=6, deadline=None)
@given(DELAYED)
def test_order_of_arrival_within_the_allowed_lateness_changes_nothing(
    documents: list[tuple[int, SeriesKey, int, int]],
) -> None:
    """Feeds are polled, networks stall: what counts is when a document was published."""
    late, prompt = lived(documents, delayed=True), lived(documents, delayed=False)
    assert late.transitions() == prompt.transitions()
    assert late.sent == prompt.sent
    assert late.alerts() == prompt.alerts()


def test_late_document_is_counted_from_when_it_comes() -> None:
    """Older than the lateness that is allowed, it is still news in its window."""
    store = calm_store()
    live = evaluator(store)
    minutes(live, 30)
    spike(store, T0 + 5 * MINUTE)
    fired = [t for t in minutes(live, 5, start=T0 + 30 * MINUTE) if t.after is AlertState.FIRING]
    assert [t.at for t in fired] == [T0 + 30 * MINUTE]


def test_lateness_is_waited_for() -> None:
    """Evaluated is the past, told is now."""
    store = calm_store()
    spike(store)
    live = watch(store, set(), allowed_lateness="10m", rules=[SPIKE])
    for minute in range(25):
        live.run_once(T0 + minute * MINUTE)
    (fired,) = store.transitions()
    assert fired.at < T0 + 10 * MINUTE
    assert store.sent[0].created_at == fired.at + 11 * MINUTE


def test_clock_that_goes_back_is_waited_for() -> None:
    """An instant is not judged twice, and a metric says why nothing happens."""
    store, registry = calm_store(), CollectorRegistry()
    live = evaluator(store, registry=registry)
    assert live.run_once(T0 + 10 * MINUTE)
    spike(store, T0 + 5 * MINUTE)
    assert not live.run_once(T0 + 8 * MINUTE)
    assert list(live.evaluate([T0 + 7 * MINUTE, T0 + 9 * MINUTE])) == []
    assert store.transitions() == []
    name = "tapewatch_alert_evaluations_total"
    assert registry.get_sample_value(name, {"outcome": "clock-behind"}) == 1.0
    assert live.run_once(T0 + 10 * MINUTE)
    assert [t.after for t in store.transitions()] == [AlertState.FIRING]


def test_clock_that_leaps_ahead_goes_on() -> None:
    """What lies between is learned, not judged."""
    store = calm_store()
    live = evaluator(store)
    live.run_once(T0)
    spike(store, T0 + 10 * DAY)
    assert live.run_once(T0 + 10 * DAY + 9 * MINUTE)
    assert [t.after for t in store.transitions()] == [AlertState.FIRING]


def test_calm_ticks_are_not_given() -> None:
    """A year of minutes must not be half a million ticks to look at."""
    store = calm_store()
    spike(store, T0 + HOUR)
    given = list(evaluator(store).evaluate([T0 + i * MINUTE for i in range(6 * 60)]))
    assert next(t.after for tick in given for t in tick.transitions) is AlertState.FIRING
    assert len(given) < 12
    assert given == store.stored


def test_first_ticks_may_lie_before_the_first_document() -> None:
    """A replay counts ahead of its clock: what is not published yet is not known."""
    store = FakeAlertStore()
    spike(store, T0 + 5 * DAY)
    ticks = [T0 + timedelta(hours=i) for i in range(24 * 5)]
    quiet = watch(store, set(), rules=[SPIKE])
    transitions: list[Transition] = [t for tick in quiet.evaluate(ticks) for t in tick.transitions]
    assert transitions == []
