"""The embedded log under SIGKILL and with several processes: what was acknowledged is there, once."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fixtures.bus import Bus, take
from tests.fixtures.processes import started

pytestmark = pytest.mark.timeout(120)


def stored(bus: Bus) -> Counter[str]:
    """Every value in the log."""
    broker = bus.broker()
    count = sum(broker.end_offsets(["t"]).values())
    consumer = broker.consumer(group="recount", topics=["t"], max_records=2000)
    values = Counter(record.value.decode() for record in take(consumer, count))
    consumer.close()
    broker.close()
    return values


def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Kill -9 at any moment: every acknowledged batch is there, and the last one is there whole or not at all."""
    bus = Bus(kind="local", address=str(tmp_path / "log.db"))
    acknowledged: list[str] = []
    for life in range(6):
        with started("tests.fixtures.bus", "write", bus.kind, bus.address, "t", f"life{life}") as writer:
            for _ in range(5 + life * 3):
                acknowledged += json.loads(writer.read_line())
            writer.kill()
            acknowledged += [value for line in writer.rest() for value in json.loads(line)]
    found = stored(bus)
    assert set(acknowledged) <= found.keys()
    assert set(found.values()) == {1}
    batches = Counter(value.rsplit(":", 1)[0] for value in found)
    assert set(batches.values()) == {10}
    assert len(found) - len(acknowledged) <= 10 * 6  # at most the one batch of each life that was not told


def test_processes_that_start_together_share_one_log(tmp_path: Path) -> None:
    """Four writers, each creating file and topic if it is first; offsets without holes, nothing lost."""
    bus = Bus(kind="local", address=str(tmp_path / "new" / "log.db"))
    acknowledged: list[str] = []
    with ExitStack() as stack:
        writers = [
            stack.enter_context(started("tests.fixtures.bus", "write", bus.kind, bus.address, "t", f"w{n}"))
            for n in range(4)
        ]
        for writer in writers:
            for _ in range(10):
                acknowledged += json.loads(writer.read_line())
        for writer in writers:
            writer.kill()
    found = stored(bus)
    assert set(acknowledged) <= found.keys()
    assert set(found.values()) == {1}
