"""Workers that come, go and freeze: partitions change hands, and every record is counted once."""

from __future__ import annotations

import signal
import time
from functools import partial

import pytest

from tests.faults.crew import Worker, crew
from tests.faults.judge import judge, wait_until_counted
from tests.faults.material import make_material
from tests.faults.sizes import SEED, SIZES, TIMEOUT_S, in_worlds, report
from tests.faults.world import SESSION_S, STAGES, World

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@in_worlds("servers")
def test_a_storm_of_joins_and_leaves(world: World) -> None:
    """One more worker of each stage joins and leaves again, over and over."""
    material = make_material(SIZES.rebalance_documents, seed=SEED)
    started_s = time.monotonic()
    with crew(world.config, STAGES) as workers:
        for number in range(SIZES.rebalances):
            material.append(world.input, number, SIZES.rebalances)
            extra = [Worker(stage, 90 + number, world.config) for stage in ("classify", "aggregate")]
            for worker in extra:
                worker.start()
            time.sleep(SIZES.stay_s)
            for worker in extra:
                worker.leave()
        wait_until_counted(world, material.expected, seconds=SIZES.wait_s)
        assert all(worker.is_alive for worker in workers.workers)
    found = judge(world, material.expected)
    report(f"{SIZES.rebalances} joins and leaves of two stages in {time.monotonic() - started_s:.0f} s", found)
    found.assert_clean()


@in_worlds("servers")
def test_a_frozen_worker_is_fenced_when_it_wakes(world: World) -> None:
    """It is put out of its group while it sleeps, with a batch in hand perhaps, and must count nothing of it."""
    material = make_material(SIZES.frozen_documents, seed=SEED)
    feed = partial(material.append, world.input, parts=3)
    with crew(world.config, STAGES) as workers:
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
        wait_until_counted(world, material.expected, seconds=SIZES.wait_s)
        assert all(worker.is_alive for worker in workers.workers), "a fenced worker joins again, it does not leave"
    found = judge(world, material.expected)
    report(f"one of two workers of each stage frozen for {3 * SESSION_S:.0f} s", found)
    found.assert_clean()


@in_worlds("embedded")
def test_the_clock_steps(world: World) -> None:
    """An hour ahead and back again, as an administrator or a bad time server does it."""
    material = make_material(SIZES.frozen_documents, seed=SEED)
    feed = partial(material.append, world.input, parts=3)
    with crew(world.config, STAGES) as workers:
        for part, offset_s in enumerate((0, 3600, -3600)):
            (world.folder / "clock").write_text(str(offset_s))
            feed(part)
            time.sleep(SIZES.stay_s)
        wait_until_counted(world, material.expected, seconds=SIZES.wait_s)
        assert all(worker.is_alive for worker in workers.workers)
    found = judge(world, material.expected)
    report("the clock stepped an hour ahead, then two back", found)
    found.assert_clean()
