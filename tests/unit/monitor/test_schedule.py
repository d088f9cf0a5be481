"""The schedule: jobs run, apart, and their failures stay theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.schedule import Schedule

HOUR = timedelta(hours=1)
SOON = timedelta(milliseconds=20)
PATIENCE_S = 10.0


@pytest.fixture
def schedule() -> Iterator[Schedule]:
    """A started schedule with two threads."""
    made = Schedule(threads=2)
    made.start()
    yield made
    made.shutdown()


def test_a_job_runs_at_once_when_asked_to(schedule: Schedule) -> None:
    """A daemon that starts must not wait an interval for its first poll."""
    ran = threading.Event()
    schedule.every(HOUR, ran.set, name="first", jitter_s=0)
    assert ran.wait(PATIENCE_S)


def test_a_job_that_fails_runs_again_and_others_go_on(schedule: Schedule) -> None:
    """A bug in one source must not stop the schedule."""
    failures, second_failure, other = [], threading.Event(), threading.Event()

    def fail() -> None:
        failures.append(1)
        if len(failures) == 2:
            second_failure.set()
        raise ZeroDivisionError

    schedule.every(SOON, fail, name="fails", jitter_s=0)
    schedule.every(SOON, other.set, name="other", jitter_s=0.005)
    assert second_failure.wait(PATIENCE_S)
    assert other.wait(PATIENCE_S)


def test_a_job_never_overlaps_itself(schedule: Schedule) -> None:
    """A slow source is polled by one thread at a time."""
    busy, overlaps, runs, enough = threading.Lock(), [], [], threading.Event()
    others: list[int] = []
    waited = threading.Event()

    def slow() -> None:
        if not busy.acquire(blocking=False):
            overlaps.append(1)
            return
        waited.wait(0.1)  # Five intervals long.
        runs.append(1)
        busy.release()
        if len(runs) == 3:
            enough.set()

    schedule.every(SOON, slow, name="slow", jitter_s=0)
    schedule.every(SOON, lambda: others.append(1), name="quick", jitter_s=0)
    assert enough.wait(PATIENCE_S)
    assert overlaps == []
    assert others


def test_shutdown_waits_for_the_job_in_hand_and_starts_no_other() -> None:
    """SIGTERM finishes the batch in hand."""
    schedule = Schedule(threads=1)
    started, release, finished, queued = threading.Event(), threading.Event(), threading.Event(), threading.Event()

    def job() -> None:
        started.set()
        release.wait(PATIENCE_S)
        finished.set()

    schedule.every(HOUR, job, name="in-hand", jitter_s=0)
    schedule.start()
    assert started.wait(PATIENCE_S)
    schedule.every(HOUR, queued.set, name="queued", jitter_s=0)
    stopper = threading.Thread(target=schedule.shutdown)
    stopper.start()
    release.set()
    stopper.join(PATIENCE_S)
    assert finished.is_set()
    schedule.shutdown()
