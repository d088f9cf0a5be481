"""A counting process is killed in the midst of its work, over and over: nothing lost, nothing counted twice."""

from __future__ import annotations

from datetime import timedelta

from monitor.domain import Partition, SeriesKey
from tests.fixtures.processes import started
from tests.fixtures.store_worker import BATCH, record
from tests.fixtures.stores import GROUP, T0, add, opened_store

KILLS = 2
END = T0 + timedelta(hours=1)


def test_killed_workers_lose_nothing_and_count_nothing_twice(database_url: str) -> None:
    """Counts and offsets always tell the same story, recounted here from the offsets alone."""
    store = opened_store(database_url)
    acknowledged = [0, 0]
    for turn in range(KILLS):
        with (
            started("tests.fixtures.store_worker", database_url, "0") as one,
            started("tests.fixtures.store_worker", database_url, "1") as two,
        ):
            for child in (one, two):
                assert child.read_line() == "ready"
            for index, child in enumerate((one, two)):
                for _ in range(3 + turn):
                    acknowledged[index] = int(child.read_line())
            for index, child in enumerate((one, two)):
                child.kill()
                acknowledged[index] = max([acknowledged[index], *map(int, child.rest())])

    partitions = [Partition(topic="labels", index=index) for index in (0, 1)]
    positions = [store.positions(GROUP, partitions)[partition] for partition in partitions]
    sums = store.window_counts(T0, END)

    assert all(p in (a, a + BATCH) for p, a in zip(positions, acknowledged, strict=True))
    assert sums[SeriesKey()].documents == sum(positions)
    assert sums[SeriesKey()].stories == sum(position - position // 4 for position in positions)
    for entity in range(7):
        held = sum(1 for position in positions for offset in range(position) if offset % 7 == entity)
        assert sums[SeriesKey(entity=f"E{entity}")].documents == held
    store.close()


def test_store_goes_on_after_a_crash(database_url: str) -> None:
    """The next process starts where the killed one stopped, and finds its evidence."""
    with started("tests.fixtures.store_worker", database_url, "0") as child:
        assert child.read_line() == "ready"
        child.read_line()
        child.kill()

    store = opened_store(database_url)
    partition = Partition(topic="labels", index=0)
    position = store.positions(GROUP, [partition])[partition]
    result = add(store, [record(0, position), record(0, position - 1)], first=position, partition=partition)

    assert (result.counted, result.repeated) == (1, 1)
    assert len(store.negative_documents(SeriesKey(), T0, END, limit=1000)) == position - position // 4 + 1
    store.close()
