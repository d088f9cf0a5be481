"""One run of a fault test: a crew at work on documents that come part by part, and the judge at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tests.faults.crew import Crew, crew
from tests.faults.judge import judge, wait_until_counted
from tests.faults.material import make_material
from tests.faults.sizes import SEED, SIZES, report
from tests.faults.world import STAGES, World

FeedPart = Callable[[int], None]
"""Adds the so-manyeth part of the documents, from 0."""


@contextmanager
def judged(world: World, documents: int, *, parts: int, what: str) -> Iterator[tuple[Crew, FeedPart]]:
    """Do to the crew what the test is about, and feed all parts meanwhile.

    Then every document must be counted, once, by workers that have lived through it.
    """
    material, started_s = make_material(documents, seed=SEED), time.monotonic()
    with crew(world.config, STAGES) as workers:
        yield workers, partial(material.append, world.input, parts=parts)
        wait_until_counted(world, material.expected, by=workers, seconds=SIZES.wait_s)
        assert not workers.dead
    found = judge(world, material.expected)
    report(f"{what}, in {time.monotonic() - started_s:.0f} s", found)
    found.assert_clean()
