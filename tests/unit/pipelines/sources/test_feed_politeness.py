"""Politeness: one host is not asked faster than the interval, others are not held up."""

from __future__ import annotations

from pipelines.sources.politeness import HostPoliteness


class HandClock:
    """A clock that moves only when somebody sleeps, or by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_requests_to_one_host_keep_their_distance() -> None:
    """A publisher with many feeds must not meet a burst."""
    clock = HandClock()
    polite = HostPoliteness(2.0, clock=clock, sleep=clock.sleep)
    turns = []
    for _ in range(3):
        polite.wait("a.example")
        turns.append(clock.now_s)
    assert turns == [100.0, 102.0, 104.0]


def test_callers_that_come_at_once_get_turns_one_after_the_other() -> None:
    """Threads that all find the host free must not all go."""
    polite = HostPoliteness(2.0, clock=lambda: 100.0, sleep=lambda _s: None)
    assert [polite.wait("a.example") for _ in range(3)] == [0.0, 2.0, 4.0]


def test_another_host_and_a_host_long_left_alone_do_not_wait() -> None:
    """Politeness costs nothing where it is not needed."""
    clock = HandClock()
    polite = HostPoliteness(2.0, clock=clock, sleep=clock.sleep)
    polite.wait("a.example")
    assert polite.wait("b.example") == 0.0
    clock.now_s += 60
    assert polite.wait("a.example") == 0.0


def test_a_host_that_asks_for_more_distance_gets_it_and_no_other_does() -> None:
    """A crawl delay, or the rules of an authority; never shorter than what the operator wants."""
    clock = HandClock()
    polite = HostPoliteness(2.0, clock=clock, sleep=clock.sleep)
    for host, interval_s in (("slow.example", 7.0), ("slow.example", 3.0), ("fast.example", 0.1)):
        polite.keep_distance(host, interval_s)
    waits = [polite.wait(host) for host in ("slow.example", "slow.example", "fast.example", "fast.example")]
    assert waits == [0.0, 7.0, 0.0, 2.0]
