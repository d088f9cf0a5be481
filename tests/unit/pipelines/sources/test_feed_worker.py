"""The worker: one poller a source, nothing remembered before it is safe, failures backed off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import SourceClass
from monitor.errors import FencedError, InvalidRecordError, MonitorError, PermanentError, TransientError
from monitor.metrics import IngestMetrics
from monitor.ports import SourceState
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.worker import SourceWorker, Submit, Taken, backoff
from tests.fixtures.memory_sources import MemorySourceStore, keeping

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TTL = timedelta(minutes=2)
HOUR = timedelta(hours=1)
ITEM = RawItem(source="wire", source_class=SourceClass.NEWS, raw=b"{}", id="1", title="t")


class ScriptedSource:
    """A source that does what the test says."""

    name = "wire"

    def __init__(self, *steps: Chunk | MonitorError | Callable[[], None]) -> None:
        self._steps = steps
        self.polls = 0

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        self.polls += 1
        for step in self._steps:
            if isinstance(step, Chunk):
                yield step
            elif isinstance(step, MonitorError):
                raise step
            else:
                step()


class Bench:
    """A worker with its store, what it submitted, and its metrics."""

    def __init__(self, submit: Submit | None = None) -> None:
        self.store = MemorySourceStore()
        self.submitted: list[RawItem] = []
        self.registry = CollectorRegistry()
        self.worker = SourceWorker(
            store=self.store,
            submit=submit or keeping(self.submitted),
            owner="me",
            lease=TTL,
            max_backoff=HOUR,
            metrics=IngestMetrics(self.registry),
        )

    @property
    def state(self) -> SourceState:
        return self.store.source_state("wire")

    def polls(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("tapewatch_ingest_polls_total", {"source": "wire", "outcome": outcome})


def chunk(cursor: str, *items: RawItem, changed: bool = True) -> Chunk:
    """A chunk that leaves the source at `cursor`."""
    return Chunk(items=items, state=SourceState(source="wire", cursor=cursor), changed=changed)


def test_a_poll_submits_each_chunk_and_remembers_where_it_was() -> None:
    """The health is kept too: readiness and the status page show it."""
    bench = Bench()
    assert bench.worker.poll_once(ScriptedSource(chunk("a", ITEM), chunk("b", ITEM)), NOW)
    assert bench.submitted == [ITEM, ITEM]
    assert (bench.state.cursor, bench.state.failures, bench.state.last_success_at) == ("b", 0, NOW)
    assert bench.store.leases == {}
    assert bench.polls("changed") == 1
    gauge = bench.registry.get_sample_value("tapewatch_source_last_success_timestamp_seconds", {"source": "wire"})
    assert gauge == NOW.timestamp()


def test_a_poll_with_nothing_new_counts_as_unchanged() -> None:
    """A healthy quiet source is not a failing one."""
    bench = Bench()
    bench.worker.poll_once(ScriptedSource(chunk("a", changed=False)), NOW)
    assert (bench.polls("unchanged"), bench.polls("changed"), bench.submitted) == (1, None, [])


def test_a_source_that_another_worker_polls_is_left_alone() -> None:
    """Two pollers would double the load on the publisher."""
    bench, source = Bench(), ScriptedSource(chunk("a", ITEM))
    bench.store.acquire_lease("source:wire", owner="other", now=NOW, ttl=TTL)
    assert not bench.worker.poll_once(source, NOW)
    assert source.polls == 0
    assert bench.worker.poll_once(source, NOW + TTL)


def test_a_source_is_not_polled_again_before_its_time() -> None:
    """Workers with schedules of their own share one interval."""
    bench, source, every = Bench(), ScriptedSource(chunk("a", ITEM)), timedelta(minutes=10)
    assert bench.worker.poll_once(source, NOW, every=every)
    assert not bench.worker.poll_once(source, NOW + every / 2, every=every)
    assert bench.worker.poll_once(source, NOW + every * 0.9, every=every)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TransientError("away"), "transient"),
        (PermanentError("HTTP 410"), "refused"),
        (InvalidRecordError("not a feed"), "invalid"),
    ],
)
def test_a_failed_poll_is_counted_remembered_and_backed_off(error: MonitorError, outcome: str) -> None:
    """Nothing escapes, and what an earlier chunk made safe stays remembered."""
    bench = Bench()
    bench.store.save_source_state(SourceState(source="wire", last_success_at=NOW - HOUR, failures=2))
    kept = replace(bench.state, cursor="a")
    assert bench.worker.poll_once(ScriptedSource(Chunk(items=[ITEM], state=kept), error), NOW)
    assert (bench.state.cursor, bench.state.failures, bench.state.last_error) == ("a", 3, str(error))
    assert bench.state.last_success_at == NOW - HOUR
    assert bench.state.next_poll_at is not None
    assert bench.state.next_poll_at > NOW
    assert bench.polls(outcome) == 1
    assert bench.registry.get_sample_value("tapewatch_source_failures", {"source": "wire"}) == 3
    assert bench.store.leases == {}


def test_success_ends_the_back_off() -> None:
    """The next failure starts from the beginning."""
    bench = Bench()
    bench.store.save_source_state(SourceState(source="wire", failures=9, last_error="away", next_poll_at=NOW))
    bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)
    assert (bench.state.failures, bench.state.last_error) == (0, None)


@pytest.mark.parametrize(("stepped", "polled"), [(timedelta(0), False), (timedelta(seconds=30), False), (HOUR, True)])
def test_a_clock_that_went_back_keeps_no_source_waiting(stepped: timedelta, polled: bool) -> None:
    """What it wrote lies in the future now; clocks of two machines may differ a little."""
    bench = Bench()
    assert bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW, every=HOUR)
    assert bench.worker.poll_once(ScriptedSource(chunk("b", ITEM)), NOW - stepped, every=HOUR) == polled


def test_a_bus_that_is_away_is_not_held_against_the_source() -> None:
    """Once the bus is back the next tick must deliver, not wait out an hour of back-off."""

    def away(items: Sequence[RawItem], now: datetime) -> Taken:
        raise TransientError("bus away")

    bench = Bench(away)
    assert bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)
    assert bench.state == SourceState(source="wire")
    assert bench.store.leases == {}


def test_a_long_poll_renews_its_lease_and_stops_when_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pollers may meet when one hangs; the late one must not overwrite what the other remembered."""
    bench, seconds = Bench(), [0.0]
    monkeypatch.setattr("pipelines.sources.worker.monotonic", lambda: seconds[0])

    def long_wait() -> None:
        seconds[0] += TTL.total_seconds() / 2

    def lose() -> None:
        long_wait()
        bench.store.leases["source:wire"] = ("other", NOW + HOUR)

    bench.worker.poll_once(ScriptedSource(chunk("a", ITEM), long_wait, chunk("b", ITEM), lose, chunk("c", ITEM)), NOW)
    assert bench.state.cursor == "b"
    assert len(bench.submitted) == 2
    assert bench.store.renewals == 2
    assert bench.store.leases["source:wire"][0] == "other"


def test_a_store_that_is_away_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database restarts while sources are polled."""
    bench = Bench()

    def away(*_: object, **__: object) -> None:
        raise TransientError("database away")

    monkeypatch.setattr(bench.store, "save_source_state", away)
    assert bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)
    monkeypatch.setattr(bench.store, "acquire_lease", away)
    assert not bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)


def test_a_bug_in_a_source_escapes_and_frees_the_lease() -> None:
    """Bugs are for the log with a traceback, not for the back-off."""
    bench = Bench()

    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.worker.poll_once(ScriptedSource(bug), NOW)
    assert bench.store.leases == {}


def test_back_off_doubles_to_its_limit_and_keeps_to_what_was_asked() -> None:
    """Retry-After counts even beyond the limit; a refusal waits the limit at once."""
    away = TransientError("away")
    waits = [backoff(n, away, max_backoff=HOUR).total_seconds() for n in (1, 2, 3, 8, 9, 5000)]
    assert waits == [15, 30, 60, 1920, 3600, 3600]
    assert backoff(1, TransientError("busy", retry_after_s=7200), max_backoff=HOUR) == 2 * HOUR
    assert backoff(8, TransientError("busy", retry_after_s=1), max_backoff=HOUR) == timedelta(seconds=1920)
    assert backoff(1, PermanentError("gone"), max_backoff=HOUR) == HOUR


@pytest.mark.parametrize(
    ("steps", "failures", "documents"),
    [
        ([chunk("a", ITEM, ITEM), chunk("b", ITEM)], 0, 3),
        ([chunk("a", changed=False)], 0, 0),
        ([chunk("a", ITEM), TransientError("away")], 1, 1),
        ([PermanentError("HTTP 410")], 1, 0),
        ([InvalidRecordError("not a feed")], 1, 0),
        ([chunk("a", ITEM), FencedError("another worker's now")], 1, 1),
    ],
)
def test_every_poll_adds_to_the_coverage(steps: list[Chunk | MonitorError], failures: int, documents: int) -> None:
    """A quiet hour of a source that was looked at differs from one in which nobody looked."""
    bench = Bench()
    bench.worker.poll_once(ScriptedSource(*steps), NOW)
    assert bench.store.covered == [("wire", NOW, 1, failures, documents)]


def test_a_poll_whose_items_could_not_be_published_covers_nothing() -> None:
    """The source answered, but what it said is not counted: the window is not calm."""

    def away(items: Sequence[RawItem], now: datetime) -> Taken:
        raise TransientError("bus away")

    bench = Bench(away)
    bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)
    assert bench.store.covered == [("wire", NOW, 1, 1, 0)]


def test_a_bug_in_a_source_covers_nothing() -> None:
    """It is dead to us, whoever is to blame."""
    bench = Bench()

    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.worker.poll_once(ScriptedSource(chunk("a", ITEM), bug), NOW)
    assert bench.store.covered == [("wire", NOW, 1, 1, 1)]


def test_a_source_that_is_left_alone_adds_nothing() -> None:
    """The worker that polls it adds; the others would make it look better polled than it is."""
    bench = Bench()
    bench.store.acquire_lease("source:wire", owner="other", now=NOW, ttl=TTL)
    bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)
    assert bench.store.covered == []


def test_coverage_that_cannot_be_written_does_not_undo_the_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """The items are safe, and where the source was is remembered."""
    bench = Bench()

    def away(*_: object, **__: object) -> None:
        raise TransientError("database away")

    monkeypatch.setattr(bench.store, "add_coverage", away)
    assert bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW)
    assert (bench.state.cursor, bench.state.last_success_at) == ("a", NOW)


def test_a_refusal_is_remembered_until_the_next_poll() -> None:
    """Refused for good is dead at once; a time-out after it is only one more failure."""
    bench = Bench()
    bench.worker.poll_once(ScriptedSource(PermanentError("HTTP 410")), NOW)
    assert bench.state.refused
    bench.worker.poll_once(ScriptedSource(TransientError("away")), NOW + HOUR)
    assert (bench.state.refused, bench.state.failures) == (False, 2)
    bench.worker.poll_once(ScriptedSource(PermanentError("HTTP 410")), NOW + 2 * HOUR)
    bench.worker.poll_once(ScriptedSource(chunk("a", ITEM)), NOW + 4 * HOUR)
    assert not bench.state.refused
