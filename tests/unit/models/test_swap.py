"""Following the pointer: the new model takes over when it is warm, a bad one never does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.artifacts import check_adapter
from models.registry import Verdict, promote, rollback
from models.swap import CHECK_EVERY, Swap
from monitor.errors import ArtifactError
from monitor.metrics import ModelMetrics
from tests.fixtures.registry import LaterExecutor, make_adapter, spoil

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
FINE = Verdict(passed=True)


class World:
    """A registry with small-1 active, followed."""

    def __init__(self, registry: Path, load: Callable[[Path], str] | None = None) -> None:
        self.registry = registry
        self.loads: list[str] = []
        self.thread = LaterExecutor()
        self._metrics = CollectorRegistry()
        self._load_really = load or (lambda folder: check_adapter(folder).folder.name)
        self.now = T0
        self.swap = Swap(registry, self._load, executor=self.thread, metrics=ModelMetrics(self._metrics))

    def _load(self, folder: Path) -> str:
        self.loads.append(folder.name)
        return self._load_really(folder)

    def later(self) -> str:
        """What is in use at the next look."""
        self.now += CHECK_EVERY
        return self.swap.current(self.now)

    def promote(self, name: str) -> None:
        """Promote without a gate; what the CLI checks first is checked by no one here."""
        promote(self.registry, name, now=T0, verdict=FINE)

    def value(self, name: str, **labels: str) -> float | None:
        """A metric."""
        return self._metrics.get_sample_value(f"tapewatch_model_{name}", labels)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three adapters, the first one promoted."""
    registry = tmp_path / "registry"
    for version in (1, 2, 3):
        make_adapter(registry / f"small-{version}", version=version, weights=bytes([version]))
    promote(registry, "small-1", now=T0, verdict=FINE)
    return World(registry)


def test_the_old_model_answers_until_the_new_one_is_loaded(world: World) -> None:
    """Loading takes seconds; the stream does not wait."""
    assert world.later() == "small-1"
    world.promote("small-2")
    assert [world.later(), world.later()] == ["small-1", "small-1"]
    world.thread.run()
    assert world.later() == "small-2"
    assert world.loads == ["small-1", "small-2"]
    assert world.value("swaps_total", outcome="swapped") == 1


def test_the_pointer_is_not_looked_at_before_every_batch(world: World) -> None:
    """Batches come many times a second; the file system need not be asked each time."""
    world.later()
    world.promote("small-2")
    assert world.swap.current(world.now + timedelta(seconds=1)) == "small-1"
    assert world.thread.run() == 0
    world.later()
    assert world.thread.run() == 1


def test_a_rollback_is_followed_too(world: World) -> None:
    """It is the same pointer."""
    world.promote("small-2")
    world.later()
    world.thread.run()
    world.later()
    rollback(world.registry, now=T0)
    world.later()
    world.thread.run()
    assert world.later() == "small-1"


@pytest.mark.parametrize("how", ["tampered", "truncated", "newer", "pickle"])
def test_an_adapter_that_fails_its_checks_leaves_the_old_one_and_is_said_once(world: World, how: str) -> None:
    """Damage between the promotion and the loading; an hour of the same line in the log helps nobody."""
    world.promote("small-2")
    spoil(world.registry / "small-2", how)
    for _ in range(5):
        assert world.later() == "small-1"
        world.thread.run()
    assert world.loads == ["small-1", "small-2"]
    assert world.value("swaps_total", outcome="failed") == 1
    assert world.value("swap_failed") == 1


def test_a_rollback_to_the_model_in_use_clears_the_failure_without_loading(world: World) -> None:
    """The operator did what the alert asked for."""
    world.promote("small-2")
    spoil(world.registry / "small-2", "truncated")
    world.later()
    world.thread.run()
    world.later()
    rollback(world.registry, now=T0)
    assert world.later() == "small-1"
    assert world.thread.run() == 0
    assert world.value("swap_failed") == 0


def test_one_that_failed_is_tried_again_when_it_is_promoted_again(world: World) -> None:
    """The operator has repaired it."""
    weights = world.registry / "small-2/adapter_model.safetensors"
    whole = weights.read_bytes()
    world.promote("small-2")
    weights.write_bytes(b"")
    world.later()
    world.thread.run()
    world.later()
    weights.write_bytes(whole)
    world.promote("small-2")
    world.later()
    world.thread.run()
    assert world.later() == "small-2"
    assert world.value("swap_failed") == 0


def test_a_pointer_to_nothing_keeps_the_model_and_counts(world: World) -> None:
    """Somebody deleted the folder, or is half way through a copy by hand."""
    (world.registry / "active").unlink()
    (world.registry / "active").symlink_to("small-9")
    assert [world.later(), world.later()] == ["small-1", "small-1"]
    assert world.value("swaps_total", outcome="failed") == 1


def test_a_model_that_crashes_while_it_is_loaded_is_a_failure_like_any_other(tmp_path: Path) -> None:
    """A wrong encoder, no memory on the device: whatever it is, the old one goes on."""
    registry = tmp_path / "registry"
    for version in (1, 2):
        make_adapter(registry / f"small-{version}", version=version)

    def load(folder: Path) -> str:
        if folder.name == "small-2":
            raise MemoryError("no room")
        return folder.name

    promote(registry, "small-1", now=T0, verdict=FINE)
    world = World(registry, load)
    world.promote("small-2")
    for _ in range(3):
        assert world.later() == "small-1"
        world.thread.run()
    assert world.value("swaps_total", outcome="failed") == 1


def test_at_the_start_a_bad_pointer_is_an_error(tmp_path: Path) -> None:
    """There is no old model to go on with."""
    (tmp_path / "registry").mkdir()
    with pytest.raises(ArtifactError, match="nothing is promoted yet"):
        World(tmp_path / "registry")
