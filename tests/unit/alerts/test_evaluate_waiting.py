"""Documents that wait on the bus: alerts come late, and are those that would have come in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts.evaluate import MOST_AT_ONCE, Evaluator
from monitor.domain import AlertState, SeriesKey, Transition
from monitor.metrics import AlertMetrics
from monitor.settings import AlertingSettings
from tests.fixtures.alert_store import FakeAlertStore
from tests.unit.alerts.build import DAY, HOUR, MINUTE, T0
from tests.unit.alerts.test_evaluate import ACME, GLOBEX, MAIL, SPIKE, calm_store, spike

RULES = (
    {**SPIKE, "for": "6m", "no_data_after": "0s"},
    {**SPIKE, "name": "Wide", "window": "3h", "keep_firing_for": "1h", "no_data_after": "0s"},
)
SECOND = timedelta(seconds=1)
NO_DATA, FIRING, RESOLVED = AlertState.NO_DATA, AlertState.FIRING, AlertState.RESOLVED


def watch(
    store: FakeAlertStore, *rules: dict[str, object], registry: CollectorRegistry | None = None, owner: str = "one"
) -> Evaluator:
    """An evaluator that tolerates half a minute."""
    given = {"rules": rules or RULES, "receivers": [MAIL], "route": {"receiver": "hook", "group_interval": "10m"}}
    return Evaluator(
        store, AlertingSettings.model_validate(given), tickers=("ACME", "GLOBEX"), topics=(), bucket=MINUTE,
        metrics=AlertMetrics(registry or CollectorRegistry()), owner=owner,
    )  # fmt: skip


@dataclass(frozen=True)
class Document:
    """What is told, when it came onto the bus, and how long it waits there; in minutes after T0."""

    at: int
    waits: int
    series: SeriesKey
    source: int


@dataclass
class Life:
    """A monitor with a bus: a minute at a time."""

    documents: list[Document]
    store: FakeAlertStore = field(default_factory=lambda: calm_store(days=4))

    def __post_init__(self) -> None:
        self.waiting = list(self.documents)
        self.live = watch(self.store)

    def minute(self, number: int) -> None:
        """Count what is due, note up to when nothing is missing, look."""
        for each in [each for each in self.waiting if each.at + each.waits <= number]:
            self.store.tell(each.series, T0 + each.at * MINUTE, source=f"s{each.source}")
            self.waiting.remove(each)
        came = [each.at for each in self.waiting if each.at <= number]
        self.store.until = T0 + min([*came, number]) * MINUTE
        self.live.run_once(T0 + number * MINUTE)


DOCUMENTS = st.lists(
    st.builds(
        Document, at=st.integers(0, 90), waits=st.integers(0, 60), series=st.sampled_from([ACME, GLOBEX]),
        source=st.integers(0, 2),
    ),
    max_size=30,
)  # fmt: skip
BURST = [Document(at=10 + n // 4, waits=45, series=ACME, source=n % 3) for n in range(12)]


def lived(documents: list[Document], restart_at: int = -1) -> FakeAlertStore:
    """After four hours, the last of them without anything new."""
    life = Life(documents)
    for number in range(240):
        if number == restart_at:
            life.live = watch(life.store)
        life.minute(number)
    return life.store


@settings(max_examples=6, deadline=None)
@given(DOCUMENTS)
@example(BURST)
def test_a_backlog_makes_alerts_late_and_changes_none(documents: list[Document]) -> None:
    """However long each document waits, and in whatever order they are counted."""
    prompt = lived([Document(each.at, 0, each.series, each.source) for each in documents])
    late = lived(documents)
    assert late.transitions() == prompt.transitions()
    assert late.alerts() == prompt.alerts()


def test_a_burst_that_makes_its_own_backlog_is_found() -> None:
    """When it is counted, half an hour later, its window has long been over."""
    store = lived(BURST)
    fired = [t.at for t in store.transitions() if t.after is FIRING]
    assert fired
    assert min(fired) < T0 + 30 * MINUTE
    assert min(sent.created_at for sent in store.sent) >= T0 + 55 * MINUTE, "told once it is known"


def test_what_began_and_ended_while_it_was_not_known_is_told_as_both() -> None:
    """One message after the other: a newer one takes the place of an older one that is still to be sent."""
    store = calm_store()
    store.until = T0
    live = watch(store, {**SPIKE, "window": "5m", "keep_firing_for": "0s", "no_data_after": "0s"})
    live.run_once(T0)
    spike(store, T0 + MINUTE)
    for minute in range(1, 60):
        assert not live.run_once(T0 + minute * MINUTE)
    now, told = T0 + 60 * MINUTE, []
    store.until = now
    while not live.run_once(now + len(told) * SECOND):
        told.append([alert.state for sent in store.sent for alert in sent.alerts])
    states = [[alert.state for alert in sent.alerts] for sent in store.sent]
    assert states == [[FIRING], [RESOLVED]]
    assert told[0] == [FIRING], "the first call ends with the first message"
    assert all(sent.created_at >= now for sent in store.sent)
    assert store.sent[0].created_at < store.sent[1].created_at, "their order is that of their making"


@pytest.mark.parametrize("restart_at", [40, 55, 56, 57, 58, 59, 60])
def test_whoever_restarts_goes_on_where_the_last_one_left_off(restart_at: int) -> None:
    """A process that ends in the middle of a backlog, or while it makes up for one, loses no tick of it."""
    found = lived(BURST, restart_at=restart_at)
    assert found.transitions() == lived(BURST).transitions()
    assert {alert.state for sent in found.sent for alert in sent.alerts} >= {FIRING, RESOLVED}


def test_a_process_that_was_down_judges_the_ticks_that_it_missed() -> None:
    """Everything was counted, nobody evaluated: the news of then are judged when somebody does."""
    store = calm_store()
    rule = {**SPIKE, "window": "5m", "keep_firing_for": "0s", "no_data_after": "0s"}
    watch(store, rule).run_once(T0)
    spike(store, T0 + 30 * MINUTE)
    live = watch(store, rule)
    caught_up(live, T0 + 3 * HOUR)
    fired, resolved = changes(store)
    assert (fired.after, resolved.after) == (FIRING, RESOLVED)
    assert T0 + 30 * MINUTE < fired.at < resolved.at < T0 + HOUR
    assert [[alert.state for alert in sent.alerts] for sent in store.sent] == [[FIRING], [RESOLVED]]


def test_a_restart_of_seconds_makes_up_for_nothing() -> None:
    """The next tick is the next tick."""
    store = calm_store()
    watch(store).run_once(T0)
    live = watch(store)
    assert live.run_once(T0 + 2 * MINUTE)
    assert not live.is_waiting


def test_after_a_clock_that_was_ahead_a_restart_begins_anew() -> None:
    """Otherwise nobody would evaluate until the clock is there."""
    store = calm_store()
    watch(store).run_once(T0 + DAY)
    live = watch(store)
    assert live.run_once(T0)
    assert live.run_once(T0 + MINUTE)


def test_who_stood_by_judges_nothing_that_another_has_judged() -> None:
    """The one that takes over in the middle of a backlog begins where the counts are, not where it was itself."""
    store = calm_store()
    one, two = watch(store), watch(store, owner="two")
    two.run_once(T0 - HOUR)
    one.run_once(T0 - HOUR + 10 * MINUTE)
    assert not two.run_once(T0 - HOUR + 11 * MINUTE)
    store.until = T0
    one.run_once(T0)
    spike(store, T0 - 50 * MINUTE)  # counted after its windows were judged
    one.run_once(T0 + 30 * MINUTE)
    before = store.transitions()
    two.run_once(T0 + 60 * MINUTE)
    assert two.is_waiting
    assert store.transitions() == before


def test_what_is_in_flight_is_not_waited_for() -> None:
    """A second or two between the door and the counts is how it always is."""
    store, registry = calm_store(), CollectorRegistry()
    live = watch(store, registry=registry)
    store.until = T0 - 30 * SECOND
    assert live.run_once(T0)
    assert not live.is_waiting
    store.until = T0 - 30 * SECOND - timedelta.resolution
    assert not live.run_once(T0)
    assert live.is_waiting
    outcomes = {"done": 1.0, "waiting": 1.0}
    for outcome, count in outcomes.items():
        assert registry.get_sample_value("tapewatch_alert_evaluations_total", {"outcome": outcome}) == count


def caught_up(live: Evaluator, now: datetime) -> int:
    """Call until nothing is missing; how often."""
    return next(number for number in range(1, 1000) if live.run_once(now))


def changes(store: FakeAlertStore) -> list[Transition]:
    """Oldest first."""
    return sorted(store.transitions(), key=lambda each: each.at)


def test_who_waits_for_long_says_that_it_sees_nothing() -> None:
    """The silence of a monitor that is behind must not be taken for calm."""
    store = calm_store()
    store.tell(GLOBEX, T0 - MINUTE)
    live = watch(store, {**SPIKE, "no_data_after": "30m"})
    store.until = T0
    for minute in range(40):
        live.run_once(T0 + minute * MINUTE)
    (told,) = changes(store)
    assert (told.after, told.at) == (NO_DATA, T0 + 31 * MINUTE)
    assert "no document was counted since" in told.reason
    assert "waits on the bus to be counted" in told.reason
    assert [sent.alerts[0].state for sent in store.sent] == [NO_DATA]

    store.tell(GLOBEX, T0 + 39 * MINUTE)
    store.until = T0 + 40 * MINUTE
    assert live.run_once(T0 + 40 * MINUTE)
    assert [(t.after, t.at) for t in changes(store)[1:]] == [(RESOLVED, T0 + 40 * MINUTE)]


def test_a_backlog_that_moves_is_no_silence() -> None:
    """Twenty minutes behind all day: late, not blind."""
    store = calm_store()
    live = watch(store, {**SPIKE, "no_data_after": "30m"})
    for minute in range(120):
        store.tell(GLOBEX, T0 + (minute - 20) * MINUTE, negative=False)
        store.until = T0 + (minute - 20) * MINUTE
        live.run_once(T0 + minute * MINUTE)
    assert changes(store) == []


def test_a_monitor_that_was_down_is_given_time_and_judges_what_it_missed() -> None:
    """Nothing was counted for three hours because nobody was there; and then the news of then are judged."""
    store = calm_store()
    rule = {**SPIKE, "no_data_after": "30m"}
    store.tell(GLOBEX, T0 - 3 * HOUR)
    store.until = T0 - 3 * HOUR
    live = watch(store, rule)
    for minute in range(10):
        assert not live.run_once(T0 + minute * MINUTE)
    assert changes(store) == []

    spike(store, T0 - 2 * HOUR)
    store.tell(GLOBEX, T0 + 9 * MINUTE)
    store.until = T0 + 10 * MINUTE
    caught_up(live, T0 + 10 * MINUTE)
    fired, *_ = changes(store)
    assert (fired.after, fired.series) == (FIRING, ACME)
    assert T0 - 2 * HOUR < fired.at < T0 - HOUR


def test_a_day_is_the_most_that_is_made_up_for() -> None:
    """What lies before is learned, not judged: nobody wants last week's alerts."""
    store = calm_store()
    store.until = T0 - 3 * DAY
    live = watch(store)
    spike(store, T0 - 2 * DAY)
    assert not live.run_once(T0)
    store.until = T0
    assert caught_up(live, T0) == DAY // MINUTE // MOST_AT_ONCE
    assert not live.is_waiting
    assert [t for t in store.transitions() if t.at < T0 - DAY] == []
