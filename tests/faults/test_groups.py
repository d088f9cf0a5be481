"""Workers that come, go and freeze: partitions change hands, and every record is counted once."""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.crew import Worker
from tests.faults.run import judged
from tests.faults.sizes import SIZES, TIMEOUT_S, in_worlds
from tests.faults.world import SESSION_S, World

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@in_worlds("servers")
def test_a_storm_of_joins_and_leaves(world: World) -> None:
    """One more worker of each stage joins and leaves again, over and over."""
    what = f"{SIZES.rebalances} joins and leaves of two stages"
    with judged(world, SIZES.rebalance_documents, parts=SIZES.rebalances, what=what) as (_, feed):
        for number in range(SIZES.rebalances):
            feed(number)
            extra = [Worker(stage, 90 + number, world.config) for stage in ("classify", "aggregate")]
            for worker in extra:
                worker.start()
            time.sleep(SIZES.stay_s)
            for worker in extra:
                worker.leave()


@in_worlds("servers")
def test_a_frozen_worker_is_fenced_when_it_wakes(world: World) -> None:
    """It is put out of its group while it sleeps, with a batch in hand perhaps, and must count nothing of it.

    A fenced worker joins again, it does not leave.
    """
    what = f"one of two workers of each stage frozen for {3 * SESSION_S:.0f} s"
    with judged(world, SIZES.frozen_documents, parts=3, what=what) as (workers, feed):
        feed(0)
        time.sleep(SIZES.stay_s)
        frozen = [workers.of("classify")[0], workers.of("aggregate")[0]]
        for worker in frozen:
            worker.signal(signal.SIGSTOP)
        feed(1)
        time.sleep(3 * SESSION_S)
        for worker in frozen:
            worker.signal(signal.SIGCONT)
        feed(2)


@in_worlds("embedded")
def test_the_clock_steps(world: World) -> None:
    """An hour ahead and back again, as an administrator or a bad time server does it."""
    what = "the clock stepped an hour ahead, then two back"
    with judged(world, SIZES.frozen_documents, parts=3, what=what) as (_, feed):
        for part, offset_s in enumerate((0, 3600, -3600)):
            (world.folder / "clock").write_text(str(offset_s))
            feed(part)
            time.sleep(SIZES.stay_s)
