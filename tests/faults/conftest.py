"""The worlds in which faults happen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.world import World, make_world


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """What the test asks for by `worlds`: the embedded defaults, or Kafka and PostgreSQL."""
    if request.param == "embedded":
        yield make_world(tmp_path, bootstrap=None, database=None)
        return
    bootstrap = request.getfixturevalue("kafka").bootstrap
    yield make_world(tmp_path, bootstrap=bootstrap, database=request.getfixturevalue("postgres"))


@pytest.fixture
def servers_world(kafka: object, postgres: str, tmp_path: Path) -> World:
    """Kafka and PostgreSQL alone."""
    return make_world(tmp_path, bootstrap=kafka.bootstrap, database=postgres)  # type: ignore[attr-defined]
