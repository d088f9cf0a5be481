"""The instants at which rules are evaluated."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.app import parts
from monitor.app.parts import Parts
from monitor.domain import floor_to, until_next
from monitor.settings import Settings

SECOND = timedelta(seconds=1)
AT = datetime(2026, 3, 2, 9, 0, 17, 250_000, tzinfo=UTC)
LENGTHS = st.sampled_from([SECOND / 2, SECOND, 7 * SECOND, 60 * SECOND, 3600 * SECOND])


@given(at=st.timedeltas(timedelta(0), timedelta(days=9000)).map(lambda since: AT + since), length=LENGTHS)
def test_the_wait_ends_on_a_boundary_and_is_never_next_to_nothing(at: datetime, length: timedelta) -> None:
    """At a boundary, or so close before it that a timer may have been early, it is a whole slot."""
    wait = until_next(at, length)
    assert (at + wait) == floor_to(at + wait, length)
    assert length / 100 < wait <= length + length / 100


class Clock(threading.Event):
    """An event whose waits take no time but move the clock; it is set after so many of them."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.now, self._left = AT, waits

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timedelta(seconds=timeout)
        self._left -= 1
        if not self._left:
            self.set()
        return self.is_set()


def shop(settings: Settings, clock: Clock, evaluator: object) -> Any:
    """What the loop asks of a workshop."""
    return SimpleNamespace(
        settings=settings, generation=0, clock=lambda: clock.now, evaluator=lambda: evaluator,
        alert_metrics=SimpleNamespace(evaluation_seconds=SimpleNamespace(time=nullcontext)),
    )  # fmt: skip


@pytest.mark.parametrize("lateness_s", [0, 90])
def test_ticks_fall_on_the_ends_of_buckets(monkeypatch: pytest.MonkeyPatch, lateness_s: int) -> None:
    """Whenever the process was started, and however long an evaluation takes: the grid of a replay."""
    settings = Settings.model_validate(
        {"alerting": {"evaluate_every": "1m", "allowed_lateness": f"{lateness_s}s"}, "aggregate": {"bucket": "1m"}}
    )
    clock, ticks = Clock(4), []

    def run_once(now: datetime) -> None:
        ticks.append(now - timedelta(seconds=lateness_s))
        clock.now += 3 * SECOND  # so long it takes

    monkeypatch.setattr(parts, "utc_now", lambda: clock.now)
    Parts(shop(settings, clock, SimpleNamespace(run_once=run_once, is_waiting=False))).evaluate(clock)

    first = AT - timedelta(seconds=lateness_s)
    begun = floor_to(first, 60 * SECOND)
    assert ticks == [first, *(begun + n * 60 * SECOND for n in range(1, 4))]


def test_who_waits_for_the_counts_looks_again_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert that waited for a backlog does not wait for the next tick as well."""
    clock = Clock(3)
    evaluator = SimpleNamespace(is_waiting=True, looked=[])
    evaluator.run_once = evaluator.looked.append
    monkeypatch.setattr(parts, "utc_now", lambda: clock.now)
    Parts(shop(Settings.model_validate({"alerting": {"evaluate_every": "1m"}}), clock, evaluator)).evaluate(clock)
    assert evaluator.looked == [AT, AT + SECOND, AT + 2 * SECOND]
