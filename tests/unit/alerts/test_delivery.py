"""Delivery: nothing lost, nobody held up, every attempt in the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from alerts.delivery import Delivery, Pace
from monitor.domain import Notification
from monitor.errors import PermanentError, TransientError
from monitor.metrics import AlertMetrics
from monitor.ports import Notifier
from tests.fixtures.outbox import MemoryOutbox
from tests.unit.alerts.notices import T0, notification

SECOND = timedelta(seconds=1)


class Scripted:
    """A notifier that does what the script says, then delivers."""

    def __init__(self, *script: Exception | Callable[[], None]) -> None:
        self.script = list(script)
        self.sent: list[str] = []

    def send(self, notification: Notification) -> str:
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()
        self.sent.append(notification.id)
        return "ok"


@contextmanager
def delivery(
    outbox: MemoryOutbox, registry: CollectorRegistry | None = None, *, pace: Pace | None = None, **notifiers: Notifier
) -> Iterator[Delivery]:
    """A delivery without jitter: it waits 2, 4, 8 ... seconds."""
    made = Delivery(
        outbox, notifiers, owner="w1", metrics=AlertMetrics(registry or CollectorRegistry()),
        max_retry_wait=timedelta(minutes=1), pace=pace or still(),
    )  # fmt: skip
    try:
        yield made
    finally:
        made.close()


def still(**changes: object) -> Pace:
    """Durations of zero and the longest waits, so that every instant is known."""
    values: dict[str, object] = {"random": lambda: 1.0, "elapsed_s": lambda: 0.0, "patience_s": 10.0, **changes}
    return Pace(**values)  # type: ignore[arg-type]


def log(outbox: MemoryOutbox) -> list[tuple[int, str, datetime]]:
    """Attempt, outcome and instant, in order."""
    return [(a.attempt, a.outcome, a.at) for a in reversed(outbox.deliveries())]


def test_what_is_due_is_delivered_once() -> None:
    """And leaves the outbox with an entry in the log."""
    outbox, desk = MemoryOutbox(), Scripted()
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        assert [work.run_once(T0), work.run_once(T0 + SECOND)] == [1, 0]
    assert desk.sent == ["n-1"]
    assert (outbox.outbox_size(), log(outbox)) == (0, [(1, "delivered", T0)])
    assert outbox.deliveries()[0].detail == "ok"


def test_failures_are_tried_again_with_growing_waits_up_to_the_cap() -> None:
    """A receiver that is away is asked less and less often, but never given up."""
    outbox, desk = MemoryOutbox(), Scripted(*(TransientError("away") for _ in range(8)))
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        for second in range(400):
            work.run_once(T0 + second * SECOND)
    gaps = [(b[2] - a[2]).total_seconds() for a, b in zip(log(outbox), log(outbox)[1:], strict=False)]
    assert gaps == [2, 4, 8, 16, 32, 60, 60, 60]
    assert [outcome for _, outcome, _ in log(outbox)] == ["retry"] * 8 + ["delivered"]
    assert desk.sent == ["n-1"]


def test_a_wait_that_the_receiver_asks_for_is_kept_within_reason() -> None:
    """Retry-After is honoured; a receiver cannot put an alert off for a year."""
    outbox = MemoryOutbox()
    desk = Scripted(TransientError("busy", retry_after_s=90), TransientError("busy", retry_after_s=1e9))
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        done = [work.run_once(T0 + s * SECOND) for s in (0, 89, 90, 90 + 3599, 90 + 3600)]
    assert done == [1, 0, 1, 0, 1]


def test_a_refusal_is_final() -> None:
    """And logged with its reason."""
    outbox, desk = MemoryOutbox(), Scripted(PermanentError("550 no such user"))
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        assert [work.run_once(T0 + n * SECOND) for n in (0, 1000)] == [1, 0]
    assert (outbox.deliveries()[0].outcome, outbox.deliveries()[0].detail) == ("refused", "550 no such user")
    assert outbox.outbox_size() == 0


def test_a_receiver_that_left_the_configuration_is_refused_with_that_reason() -> None:
    """Its notifications must not wait in the outbox for ever."""
    outbox = MemoryOutbox()
    outbox.put(notification(receiver="gone"))
    with delivery(outbox, desk=Scripted()) as work:
        assert work.run_once(T0) == 1
    assert outbox.deliveries()[0].outcome == "refused"
    assert "no such receiver" in outbox.deliveries()[0].detail


def test_a_bug_in_a_notifier_costs_only_its_own_message_a_retry() -> None:
    """The loop lives on, the alert survives until the bug is mended."""
    outbox, desk, other = MemoryOutbox(), Scripted(ZeroDivisionError("oops")), Scripted()
    outbox.put(notification(), notification(id="n-2", receiver="other"))
    with delivery(outbox, desk=desk, other=other) as work:
        assert work.run_once(T0) == 2
        assert other.sent == ["n-2"]
        work.run_once(T0 + 2 * SECOND)
    assert desk.sent == ["n-1"]
    assert "ZeroDivisionError" in next(a.detail for a in outbox.deliveries() if a.outcome == "retry")


def test_a_receiver_that_hangs_holds_up_nobody_else() -> None:
    """A slow mail server must not delay the pager."""
    outbox, gate = MemoryOutbox(), threading.Event()
    slow, fast = Scripted(lambda: _pass(gate)), Scripted()
    outbox.put(notification(receiver="slow"))
    with delivery(outbox, pace=still(patience_s=0.01), slow=slow, fast=fast) as work:
        work.run_once(T0)
        outbox.put(notification(id="n-2", receiver="fast"))
        _until(lambda: work.run_once(T0 + SECOND) == 1)
        assert (fast.sent, slow.sent) == (["n-2"], [])
        gate.set()
        _until(lambda: work.run_once(T0 + SECOND) == 1)
    assert slow.sent == ["n-1"]


def test_what_is_in_a_lane_is_not_taken_up_twice_when_its_claim_runs_out() -> None:
    """A send that takes longer than the claim must not become two messages."""
    outbox, gate = MemoryOutbox(), threading.Event()
    slow = Scripted(lambda: _pass(gate))
    outbox.put(notification())
    with delivery(outbox, pace=still(patience_s=0.01), desk=slow) as work:
        for minutes in (0, 3, 6):
            assert work.run_once(T0 + timedelta(minutes=minutes)) == 0
        gate.set()
        _until(lambda: work.run_once(T0 + timedelta(minutes=6)) == 1)
    assert slow.sent == ["n-1"]
    assert len(log(outbox)) == 1


def test_what_waited_too_long_in_a_lane_is_left_for_the_next_claim() -> None:
    """By then another worker may have taken it."""
    outbox, clock = MemoryOutbox(), [0.0]
    desk = Scripted(lambda: clock.__setitem__(0, 100.0))
    outbox.put(notification(group_key="a"), notification(id="n-2", group_key="b"))
    with delivery(outbox, pace=still(elapsed_s=lambda: clock[0]), desk=desk) as work:
        assert work.run_once(T0) == 1
        assert desk.sent == ["n-1"]
        assert work.run_once(T0 + timedelta(minutes=2)) == 1
    assert desk.sent == ["n-1", "n-2"]


@dataclass
class SlowDesk:
    """A desk that is at n-1 until its gate opens, with n-2 of another group behind it, and the clock."""

    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    gate: threading.Event = field(default_factory=threading.Event)
    now_s: float = 0.0

    @contextmanager
    def busy(self) -> Iterator[Delivery]:
        """A delivery that has begun on n-1."""
        started = threading.Event()

        def step() -> None:
            started.set()
            _pass(self.gate)

        self.desk = Scripted(step)
        self.outbox.put(notification(group_key="a"), notification(id="n-2", group_key="b"))
        with delivery(self.outbox, pace=still(elapsed_s=lambda: self.now_s, patience_s=0.01), desk=self.desk) as work:
            work.run_once(T0)
            assert started.wait(10)
            yield work

    def run_at(self, work: Delivery, second: float) -> int:
        """One round at that second."""
        self.now_s = second
        return work.run_once(T0 + second * SECOND)

    def finish(self, work: Delivery) -> list[str]:
        """Open the gate, and run until nothing waits; what was sent."""
        self.gate.set()
        _until(lambda: self.run_at(work, self.now_s) == 0 and self.outbox.outbox_size() == 0)
        return self.desk.sent


def test_what_waits_behind_a_slow_message_stays_ours_until_it_is_its_turn() -> None:
    """The claim is renewed, so that no other worker sends out of turn."""
    slow = SlowDesk()
    with slow.busy() as work:
        for second in range(0, 300, 10):
            slow.run_at(work, second)
            others = slow.outbox.claim_due(now=T0 + second * SECOND, owner="w2", hold=SECOND, limit=9)
            assert others == []
        assert slow.finish(work) == ["n-1", "n-2"]


def test_what_is_superseded_while_it_waits_in_a_lane_is_not_sent() -> None:
    """By the time of its turn there is newer word."""
    slow = SlowDesk()
    with slow.busy() as work:
        slow.outbox.put(notification(id="n-3", group_key="b", created_at=T0 + SECOND))
        slow.run_at(work, 20)
        assert slow.finish(work) == ["n-1", "n-3"]


def test_notifications_of_one_receiver_keep_their_order() -> None:
    """Resolved before firing would be a lie."""
    outbox, desk = MemoryOutbox(), Scripted()
    for n in range(20):
        outbox.put(notification(id=f"n-{n:02}", group_key=f"g{n}", created_at=T0 + n * SECOND))
    with delivery(outbox, desk=desk) as work:
        work.run_once(T0 + timedelta(minutes=1))
    assert desk.sent == [f"n-{n:02}" for n in range(20)]


def test_what_was_superseded_while_it_waited_is_not_sent() -> None:
    """The newest word on a group is the only one worth sending."""
    outbox, desk = MemoryOutbox(), Scripted(TransientError("away"))
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        work.run_once(T0)
        outbox.put(notification(id="n-2", created_at=T0 + SECOND))
        work.run_once(T0 + timedelta(minutes=5))
    assert desk.sent == ["n-2"]


def test_a_store_that_is_away_costs_a_turn_and_no_second_message() -> None:
    """What was sent while the store was away is recorded when it is back, not sent again."""
    outbox = MemoryOutbox()
    desk = Scripted(lambda: setattr(outbox, "away", True))
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        work.run_once(T0)
        assert work.run_once(T0 + SECOND) == 0
        outbox.away = False
        work.run_once(T0 + timedelta(minutes=10))
        work.run_once(T0 + timedelta(minutes=20))
    assert desk.sent == ["n-1"]
    assert log(outbox) == [(1, "delivered", T0)]


def test_after_a_restart_another_worker_goes_on() -> None:
    """The claim of the one that died runs out; the attempts go on counting."""
    outbox, desk = MemoryOutbox(), Scripted(TransientError("away"))
    outbox.put(notification())
    with delivery(outbox, desk=desk) as work:
        work.run_once(T0)
    outbox.claim_due(now=T0 + 2 * SECOND, owner="died", hold=timedelta(minutes=2), limit=10)
    with delivery(outbox, desk=desk) as work:
        assert work.run_once(T0 + timedelta(minutes=1)) == 0
        assert work.run_once(T0 + timedelta(minutes=3)) == 1
    assert [(n, outcome) for n, outcome, _ in log(outbox)] == [(1, "retry"), (2, "delivered")]


def test_close_finishes_the_message_in_hand_and_leaves_the_rest() -> None:
    """Stopping loses nothing and takes no longer than one message."""
    outbox, started, gate = MemoryOutbox(), threading.Event(), threading.Event()

    def step() -> None:
        started.set()
        _pass(gate)

    desk = Scripted(step)
    outbox.put(notification(group_key="a"), notification(id="n-2", group_key="b"))
    with delivery(outbox, pace=still(patience_s=0.0), desk=desk) as work:
        work.run_once(T0)
        assert started.wait(10)
        closing = threading.Thread(target=work.close)
        closing.start()
        gate.set()
        closing.join(10)
    assert (desk.sent, outbox.outbox_size()) == (["n-1"], 1)


def test_attempts_and_the_outbox_are_measured() -> None:
    """Every outcome is a series from the start, so that its rate exists."""
    registry, outbox = CollectorRegistry(), MemoryOutbox()
    outbox.put(notification())
    with delivery(outbox, registry, desk=Scripted(TransientError("away"))) as work:
        work.run_once(T0)
    assert registry.get_sample_value("tapewatch_outbox_notifications") == 1
    counts = {
        outcome: registry.get_sample_value("tapewatch_deliveries_total", {"receiver": "desk", "outcome": outcome})
        for outcome in ("delivered", "retry", "refused")
    }
    assert counts == {"delivered": 0, "retry": 1, "refused": 0}


def test_details_are_one_short_line() -> None:
    """The log is shown on terminals."""
    outbox = MemoryOutbox()
    outbox.put(notification())
    with delivery(outbox, desk=Scripted(TransientError("a\r\nb\x1b[2J" + "x" * 5000))) as work:
        work.run_once(T0)
    detail = outbox.deliveries()[0].detail
    assert detail.startswith("a b [2Jx")
    assert len(detail) == 500


def _pass(gate: threading.Event) -> None:
    assert gate.wait(10), "the test has forgotten to open the gate"


def _until(done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if done():
            return
    raise AssertionError("it never happened")
