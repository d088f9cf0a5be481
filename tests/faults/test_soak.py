"""Soak: at half load nothing grows; at three times the load documents queue on the bus, never in memory."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.faults.crew import Crew, crew
from tests.faults.judge import judge, lag_of, wait_until_counted
from tests.faults.material import Material, make_material
from tests.faults.sizes import IS_FULL, SEED, SIZES, TIMEOUT_S, report
from tests.faults.world import STAGES, World

pytestmark = [pytest.mark.timeout(TIMEOUT_S), pytest.mark.kafka, pytest.mark.postgres]

EVERY_S = 1.0  #: Between two portions of input.
HANDLES = 10  #: File handles may come and go by so many (a connection, a log), but not add up.
FLAT_MB_AN_HOUR = 60.0  #: Of five workers; 60 bytes a document would be as much.
TEXTS = 20_000  #: That copies are found by: the index is full within minutes, and grows no more.
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
QUEUED_MB = 80.0  #: What batches in hand and caches may add while the bus is full.


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at all workers."""

    at_s: float
    by_stage: Mapping[str, float]  #: Resident megabytes.
    handles: int
    lag: int  #: Labels not yet counted, and documents not yet labelled.

    @property
    def memory_mb(self) -> float:
        """Of all."""
        return sum(self.by_stage.values())


def look(workers: Crew, world: World, started_s: float) -> Sample:
    """What they hold now."""
    by_stage, handles = Counter[str](), 0
    for worker in workers.workers:
        folder = Path("/proc") / str(worker.pid)
        by_stage[worker.stage] += int((folder / "statm").read_text().split()[1]) * PAGE_MB
        handles += len(list((folder / "fd").iterdir()))
    return Sample(at_s=time.monotonic() - started_s, by_stage=by_stage, handles=handles, lag=lag_of(world))


class Feeder:
    """Appends made documents to the input at a rate."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.whole = Material()

    def feed(self, documents: int) -> None:
        """Make so many more, and append them."""
        part = make_material(documents, seed=SEED, first=len(self.whole.expected.documents))
        part.append(self._world.input)
        self.whole.join(part)

    def run(self, workers: Crew, rate: float, seconds: float) -> list[Sample]:
        """Feed `rate` documents a second for so long, looking all the while."""
        started_s, samples = time.monotonic(), []
        while (elapsed_s := time.monotonic() - started_s) < seconds:
            self.feed(max(1, round(rate * EVERY_S)))
            samples.append(look(workers, self._world, started_s))
            time.sleep(max(0.0, EVERY_S - (time.monotonic() - started_s - elapsed_s)))
        return samples


def slopes(samples: Sequence[Sample]) -> dict[str, float]:
    """Megabytes an hour of each stage, by least squares over the last two thirds."""
    late = samples[len(samples) // 3 :]
    times = [sample.at_s for sample in late]
    memory = {stage: [sample.by_stage[stage] for sample in late] for stage in dict.fromkeys(STAGES)}
    return {stage: float(np.polyfit(times, values, 1)[0]) * 3600.0 for stage, values in memory.items()}


def test_half_load_is_flat_and_three_times_the_load_queues_on_the_bus(servers_world: World) -> None:
    """First how much it can do, then half of that, then three times as much, then the end of the queue."""
    world = replace(servers_world, more={"stories": {"max_texts": TEXTS}})
    world.write_config()
    feeder = Feeder(world)
    with crew(world.config, STAGES) as workers:
        feeder.feed(SIZES.soak_burst // 10)
        wait_until_counted(world, feeder.whole.expected, by=workers, seconds=SIZES.wait_s)
        began_s = time.monotonic()
        feeder.feed(SIZES.soak_burst)
        done_s = wait_until_counted(world, feeder.whole.expected, by=workers, seconds=SIZES.wait_s)
        capacity = SIZES.soak_burst / (done_s - began_s)
        half = feeder.run(workers, capacity / 2, SIZES.soak_s)
        full = feeder.run(workers, capacity * 3, SIZES.overload_s)
        wait_until_counted(world, feeder.whole.expected, by=workers, seconds=SIZES.wait_s)
        after = look(workers, world, began_s)
        assert not workers.dead
    found = judge(world, feeder.whole.expected)
    grown = slopes(half)
    shown = ", ".join(f"{stage} {value:+.1f}" for stage, value in grown.items())
    lags = [max(sample.lag for sample in samples) for samples in (half, full)]
    report(
        f"capacity {capacity:.0f} documents/s; half of it for {SIZES.soak_s:.0f} s: {half[-1].memory_mb:.0f} MB, slopes"
        f" in MB an hour: {shown}; {half[0].handles} to {half[-1].handles} handles, lag at most {lags[0]};"
        f" three times for {SIZES.overload_s:.0f} s: lag {lags[1]}, {max(s.memory_mb for s in full):.0f} MB;"
        f" after: {after.memory_mb:.0f} MB, lag {after.lag}",
        found,
    )
    found.assert_clean()
    assert after.lag == 0
    if IS_FULL:  # in a few seconds nothing has settled yet, least of all beside other work
        assert_flat(half, capacity)
        assert sum(grown.values()) <= FLAT_MB_AN_HOUR
        assert max(sample.memory_mb for sample in full) <= max(sample.memory_mb for sample in half) + QUEUED_MB


def assert_flat(half: Sequence[Sample], capacity: float) -> None:
    """At half load no handles add up, and no more than half a minute's work waits."""
    assert half[-1].handles <= half[len(half) // 3].handles + HANDLES
    assert max(sample.lag for sample in half) <= 30 * capacity
