"""Receivers that change while messages are on their way: nothing lost, nothing sent twice, nobody held up."""

from __future__ import annotations

import threading
from datetime import timedelta

from monitor.errors import TransientError
from tests.fixtures.outbox import MemoryOutbox
from tests.unit.alerts.notices import T0, notification
from tests.unit.alerts.test_delivery import SECOND, Scripted, delivery, log, still

WAIT = timedelta(minutes=1)


def test_a_changed_receiver_gets_what_the_old_one_could_not_deliver() -> None:
    """A wrong address, mended: the message that waited goes to the right one."""
    outbox, wrong, right = MemoryOutbox(), Scripted(TransientError("away")), Scripted()
    outbox.put(notification())
    with delivery(outbox, desk=wrong) as work:
        work.run_once(T0)
        work.use({"desk": right}, max_retry_wait=WAIT)
        work.run_once(T0 + 2 * SECOND)
    assert (wrong.sent, right.sent) == ([], ["n-1"])
    assert [outcome for _, outcome, _ in log(outbox)] == ["retry", "delivered"]


def test_a_new_receiver_has_a_lane_of_its_own() -> None:
    """It was unknown at the start."""
    outbox, new = MemoryOutbox(), Scripted()
    with delivery(outbox, desk=Scripted()) as work:
        work.use({"desk": Scripted(), "new": new}, max_retry_wait=WAIT)
        outbox.put(notification(receiver="new"))
        assert work.run_once(T0) == 1
    assert new.sent == ["n-1"]


def test_what_waits_for_a_receiver_that_is_gone_is_refused_and_said_so() -> None:
    """It would wait for ever."""
    outbox = MemoryOutbox()
    outbox.put(notification())
    with delivery(outbox, desk=Scripted()) as work:
        work.use({}, max_retry_wait=WAIT)
        assert work.run_once(T0) == 1
    assert (outbox.outbox_size(), log(outbox)) == (0, [(1, "refused", T0)])


def test_a_message_in_hand_is_finished_as_it_was_begun() -> None:
    """The change waits for nobody, and the message is sent once."""
    outbox, begun, go = MemoryOutbox(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        assert go.wait(10)

    old, new = Scripted(hang), Scripted()
    outbox.put(notification())
    with delivery(outbox, desk=old, pace=still(patience_s=0.0)) as work:
        work.run_once(T0)
        assert begun.wait(10)
        work.use({"desk": new}, max_retry_wait=WAIT)
        work.run_once(T0 + SECOND)
        go.set()
    assert (old.sent, new.sent) == (["n-1"], [])
    assert [outcome for _, outcome, _ in log(outbox)] == ["delivered"]


def test_one_that_waits_in_a_lane_whose_receiver_is_gone_is_refused() -> None:
    """It was claimed before the change."""
    outbox, begun, go = MemoryOutbox(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        assert go.wait(10)

    outbox.put(notification(id="n-1", group_key="a"))
    outbox.put(notification(id="n-2", group_key="b"))
    with delivery(outbox, desk=Scripted(hang), pace=still(patience_s=0.0)) as work:
        work.run_once(T0)
        assert begun.wait(10)
        work.use({}, max_retry_wait=WAIT)
        go.set()
        while outbox.outbox_size():
            work.run_once(T0 + SECOND)
    assert sorted(outcome for _, outcome, _ in log(outbox)) == ["delivered", "refused"]
