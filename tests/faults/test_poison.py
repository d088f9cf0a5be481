"""Poisoned records: exactly those in the dead letters, whatever stands beside them."""

from __future__ import annotations

import pytest

from monitor.domain import Message
from tests.faults.crew import crew
from tests.faults.judge import judge, wait_until_counted
from tests.faults.material import make_material
from tests.faults.sizes import SEED, SIZES, TIMEOUT_S, in_worlds, report
from tests.faults.world import STAGES, World

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@in_worlds("servers")
def test_one_line_in_ten_is_poison(world: World) -> None:
    """A sender gone mad costs what he sent, and nothing else."""
    material = make_material(9 * SIZES.poisoned, seed=SEED, poison_every=9)
    assert len(material.expected.poison) == SIZES.poisoned
    with crew(world.config, STAGES) as workers:
        material.append(world.input)
        wait_until_counted(world, material.expected, by=workers, seconds=SIZES.wait_s)
    found = judge(world, material.expected)
    report(f"{SIZES.poisoned} poisoned among {10 * SIZES.poisoned}", found)
    found.assert_clean()


@in_worlds("embedded")
@pytest.mark.parametrize("stage", ["classify", "aggregate"])
def test_poison_at_every_position_of_a_batch(world: World, stage: str) -> None:
    """On the bus itself, where only a broken or hostile producer writes: first, last, alone, between any two."""
    material = make_material(SIZES.positions, seed=SEED, poison_every=0)
    topic = world.topics.documents if stage == "classify" else world.topics.labels
    poison = {b'{"poison": %d' % number for number in range(SIZES.positions)}
    with world.broker() as broker, crew(world.config, STAGES) as workers:
        producer = broker.producer()
        for part, value in enumerate(sorted(poison)):
            producer.send([Message(topic=topic, key=b"k%d" % part, value=value)])
            material.append(world.input, part, SIZES.positions)
        producer.close()
        wait_until_counted(world, material.expected, by=workers, seconds=SIZES.wait_s)
    material.expected.poison = poison
    found = judge(world, material.expected)
    report(f"{len(poison)} poisoned records between {SIZES.positions} parts on the topic that {stage} reads", found)
    found.assert_clean()
