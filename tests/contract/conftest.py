"""The buses that the contract is held to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.ports import Broker
from tests.fixtures.bus import Bus


@pytest.fixture(params=["local", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Bus:
    """Each of the two."""
    if request.param == "local":
        return Bus(kind="local", address=str(tmp_path / "log.db"))
    return Bus(kind="kafka", address=request.getfixturevalue("kafka").bootstrap)


@pytest.fixture
def broker(bus: Bus) -> Iterator[Broker]:
    """A connection."""
    made = bus.broker()
    yield made
    made.close()


@pytest.fixture
def topic(broker: Broker) -> str:
    """A topic that no other test has seen."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    broker.ensure_topics([name])
    return name
