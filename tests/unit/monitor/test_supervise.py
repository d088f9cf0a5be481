"""Supervisor: parts are kept running, and a hopeless one ends the process."""

from __future__ import annotations

from threading import Event

from prometheus_client import CollectorRegistry

from monitor.errors import TransientError
from monitor.metrics import StageMetrics
from monitor.supervise import MAX_CRASHES, Supervisor


class InstantEvent(Event):
    """An event whose waits return at once: no test has to sleep."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def supervisor() -> tuple[Supervisor, Event, CollectorRegistry]:
    """A supervisor that never really waits, its stop event and its registry."""
    stop, registry = InstantEvent(), CollectorRegistry()
    return Supervisor(stop=stop, metrics=StageMetrics(registry)), stop, registry


def test_a_part_that_meets_transient_errors_is_started_over_for_as_long_as_it_takes() -> None:
    """A broker that is away must not end the daemon, however often it is asked."""
    kept, _stop, registry = supervisor()
    runs: list[int] = []

    def part(stop: Event) -> None:
        runs.append(1)
        if len(runs) > 3 * MAX_CRASHES:
            stop.set()
        else:
            raise TransientError("broker away")

    kept.start("classify", part)

    assert kept.join(10) == []
    assert kept.failed is None
    assert registry.get_sample_value("tapewatch_stage_restarts_total", {"stage": "classify"}) == 3 * MAX_CRASHES


def test_a_part_that_keeps_crashing_stops_the_process_with_its_name() -> None:
    """A bug is not hidden behind endless restarts."""
    kept, stop, _ = supervisor()

    def part(stop: Event) -> None:
        raise ZeroDivisionError

    kept.start("aggregate", part)

    assert kept.join(10) == []
    assert kept.failed == "aggregate"
    assert stop.is_set()
    assert "ZeroDivisionError" in kept.problems()["aggregate"]


def test_a_healthy_part_shows_no_problem() -> None:
    """Readiness is empty of reasons when all is well."""
    kept, stop, _ = supervisor()
    inside, leave = Event(), Event()

    def part(stop: Event) -> None:
        inside.set()
        leave.wait(10)

    kept.start("ingest", part)
    assert inside.wait(10)
    problems = dict(kept.problems())
    stop.set()
    leave.set()

    assert problems == {}
    assert kept.join(10) == []
