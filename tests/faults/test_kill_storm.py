"""kill -9 of random stages at random instants: 0 lost, 0 counted twice."""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random

import pytest

from tests.faults.claims import Claims
from tests.faults.crew import crew
from tests.faults.judge import judge, wait_until_counted
from tests.faults.material import make_material
from tests.faults.sizes import SEED, SIZES, TIMEOUT_S, in_worlds, report
from tests.faults.world import STAGES, World

pytestmark = pytest.mark.timeout(TIMEOUT_S)


def storm(world: World, *, documents: int, kills: int, options: tuple[str, ...] = ()) -> None:
    """Publish and kill in turn, then count; and nothing was noted as counted that was not."""
    material, claims = make_material(documents, seed=SEED), Claims(world)
    with crew(world.config, STAGES, *options) as workers, claims.sampled(SIZES.wait_s):
        feed = partial(material.append, world.input)
        victims = workers.storm(kills, Random(SEED), pause_s=(0.1, 3.0), feed=feed)
        wait_until_counted(world, material.expected, by=workers, seconds=SIZES.wait_s)
    made, wrong = claims.judge()
    report("what was noted as counted", f"{made} statements, {len(wrong)} wrong")
    assert made
    assert wrong == []
    found = judge(world, material.expected, with_classes=not options)
    report(f"killed {dict(Counter(victims))}", found)
    found.assert_clean()


@in_worlds("embedded", "servers")
def test_killed_stages_lose_nothing_and_count_nothing_twice(world: World) -> None:
    """The promise, under the worst that an operating system does to a process."""
    storm(world, documents=SIZES.storm_documents, kills=SIZES.storm_kills)


@pytest.mark.model
def test_so_do_stages_that_are_killed_with_the_model_loaded(servers_world: World) -> None:
    """What is slow to start and slow to answer is killed at other moments."""
    storm(servers_world, documents=SIZES.model_documents, kills=SIZES.model_kills, options=("--model",))
