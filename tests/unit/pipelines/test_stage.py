"""The one loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import Partition, Record
from monitor.errors import FencedError, TransientError
from monitor.metrics import StageMetrics
from pipelines.stage import next_offsets, run

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def record(offset: int, partition: int = 0) -> Record:
    """A record of topic `t`."""
    return Record(topic="t", partition=partition, offset=offset, key=None, value=b"")


class Bus:
    """A consumer that hands out the given batches, then stops the loop; it notes what is asked of it."""

    def __init__(self, stop: Event, *batches: Sequence[Record]) -> None:
        self._stop = stop
        self._batches = list(batches)
        self.calls: list[str] = []
        self.committed: list[Mapping[Partition, int]] = []
        self.waits: list[float] = []
        self.commit_errors: list[Exception] = []

    def poll(self, timeout_s: float) -> Sequence[Record]:
        if self._batches:
            return self._batches.pop(0)
        self._stop.set()
        return []

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        self.calls.append("commit")
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        self.committed.append(next_offsets)

    def rewind(self) -> None:
        self.calls.append("rewind")

    def idle(self, wait_s: float) -> None:
        self.calls.append("idle")
        self.waits.append(wait_s)

    def lag(self) -> Mapping[Partition, int]:
        return {Partition(topic="t", index=0): 3, Partition(topic="t", index=1): 4}

    def close(self) -> None:
        self.calls.append("close")


class Work:
    """A stage that raises the given errors, one a call, and then succeeds."""

    name = "work"

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.handled: list[tuple[list[int], datetime]] = []

    def handle(self, batch: Sequence[Record], now: datetime) -> None:
        self.handled.append(([each.offset for each in batch], now))
        if self._errors:
            raise self._errors.pop(0)


@pytest.fixture
def stop() -> Event:
    """Ends the loop."""
    return Event()


@pytest.fixture
def registry() -> CollectorRegistry:
    """Where the metrics of one test are."""
    return CollectorRegistry()


def go(stage: Work, bus: Bus, stop: Event, registry: CollectorRegistry, *, give_up_s: float = 1e9) -> None:
    """Run the loop."""
    run(stage, bus, stop=stop, clock=lambda: NOW, metrics=StageMetrics(registry), give_up_s=give_up_s)


def test_a_batch_is_committed_after_it_was_handled(stop: Event, registry: CollectorRegistry) -> None:
    """The other way round a crash in between would lose it."""
    bus, stage = Bus(stop, [record(4), record(5), record(9, partition=1)]), Work()
    go(stage, bus, stop, registry)
    assert stage.handled == [([4, 5, 9], NOW)]
    assert bus.committed == [{Partition(topic="t", index=0): 6, Partition(topic="t", index=1): 10}]
    assert registry.get_sample_value("tapewatch_stage_records_total", {"stage": "work"}) == 3


def test_a_transient_error_keeps_the_batch_and_the_membership(stop: Event, registry: CollectorRegistry) -> None:
    """A database that is away for a minute must cost nothing but the minute."""
    bus, stage = Bus(stop, [record(0)]), Work(TransientError("away"), TransientError("away"))
    go(stage, bus, stop, registry)
    assert [offsets for offsets, _ in stage.handled] == [[0], [0], [0]]
    assert bus.calls == ["idle", "idle", "commit"]
    assert registry.get_sample_value("tapewatch_stage_retries_total", {"stage": "work"}) == 2


def test_the_other_sides_wish_to_wait_is_honoured(stop: Event, registry: CollectorRegistry) -> None:
    """Retry-After is the least, not a hint."""
    bus, stage = Bus(stop, [record(0)]), Work(TransientError("slow down", retry_after_s=25.0))
    go(stage, bus, stop, registry)
    assert bus.waits == [25.0]


def test_only_the_commit_is_repeated_when_only_the_commit_failed(stop: Event, registry: CollectorRegistry) -> None:
    """The work is done; doing it again would send every label twice."""
    bus, stage = Bus(stop, [record(0)]), Work()
    bus.commit_errors = [TransientError("away")]
    go(stage, bus, stop, registry)
    assert len(stage.handled) == 1
    assert bus.calls == ["commit", "idle", "commit"]
    assert bus.committed == [{Partition(topic="t", index=0): 1}]


@pytest.mark.parametrize("where", ["handle", "commit"])
def test_a_fenced_batch_is_dropped_and_the_loop_goes_on(where: str, stop: Event, registry: CollectorRegistry) -> None:
    """It comes again at the worker that owns it now; here the place of the group counts, not what was polled."""
    bus = Bus(stop, [record(0)], [record(7)])
    stage = Work(FencedError("gone")) if where == "handle" else Work()
    bus.commit_errors = [FencedError("gone")] if where == "commit" else []
    go(stage, bus, stop, registry)
    assert "rewind" in bus.calls
    assert bus.committed == [{Partition(topic="t", index=0): 8}]
    assert registry.get_sample_value("tapewatch_stage_fenced_total", {"stage": "work"}) == 1
    assert registry.get_sample_value("tapewatch_stage_records_total", {"stage": "work"}) == 1


def test_a_batch_that_cannot_be_handled_ends_the_loop_uncommitted(stop: Event, registry: CollectorRegistry) -> None:
    """Held for ever it would block its partitions; the supervisor starts over, and readiness shows it."""
    bus, stage = Bus(stop, [record(0)]), Work(*[TransientError("away", retry_after_s=20.0)] * 9)
    with pytest.raises(TransientError):
        go(stage, bus, stop, registry, give_up_s=50.0)
    assert bus.waits == [20.0, 20.0]
    assert bus.committed == []


def test_a_stop_finishes_the_batch_in_hand(stop: Event, registry: CollectorRegistry) -> None:
    """SIGTERM in the middle of a batch: handled and committed, and then no other is taken."""
    bus, stage = Bus(stop, [record(0)], [record(1)]), Work()
    handle = stage.handle

    def stopped(batch: Sequence[Record], now: datetime) -> None:
        stop.set()
        handle(batch, now)

    stage.handle = stopped  # type: ignore[method-assign]
    go(stage, bus, stop, registry)
    assert bus.committed == [{Partition(topic="t", index=0): 1}]


def test_a_stop_does_not_wait_for_what_is_away(stop: Event, registry: CollectorRegistry) -> None:
    """The batch stays uncommitted and comes again after the restart; the shutdown is prompt."""
    bus, stage = Bus(stop, [record(0)]), Work(TransientError("away"))
    handle = stage.handle

    def stopped(batch: Sequence[Record], now: datetime) -> None:
        stop.set()
        handle(batch, now)

    stage.handle = stopped  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        go(stage, bus, stop, registry)
    assert (bus.waits, bus.committed) == ([], [])


def test_any_other_error_is_not_swallowed(stop: Event, registry: CollectorRegistry) -> None:
    """A bug must be seen, not retried."""
    bus = Bus(stop, [record(0)])
    with pytest.raises(ZeroDivisionError):
        go(Work(ZeroDivisionError()), bus, stop, registry)
    assert bus.committed == []


def test_the_lag_is_summed_over_partitions(stop: Event, registry: CollectorRegistry) -> None:
    """One number a stage: what is left to do."""
    go(Work(), Bus(stop), stop, registry)
    assert registry.get_sample_value("tapewatch_stage_lag_records", {"stage": "work"}) == 7


def test_next_offsets_do_not_depend_on_the_order_of_a_batch() -> None:
    """Partitions are interleaved in a batch."""
    batch = [record(8), record(2, partition=1), record(7), record(3, partition=1)]
    assert next_offsets(batch) == {Partition(topic="t", index=0): 9, Partition(topic="t", index=1): 4}
