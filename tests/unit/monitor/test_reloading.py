"""A changed configuration in a running process: all of it or none, and what runs on is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.reloading import Reloader
from monitor.app.workshop import Workshop
from monitor.errors import ConfigurationError
from monitor.settings import Settings
from monitor.settings.load import load_settings

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SUCCESSFUL = "tapewatch_config_last_reload_successful"
ACME = {"ticker": "ACME", "name": "Acme Corporation"}
BETA = {"ticker": "BETA", "name": "Beta Industries"}
HOOK = {"type": "webhook", "name": "desk", "url": "http://127.0.0.1:9/hook"}


def settings(**sections: Any) -> Settings:
    """A configuration."""
    return Settings.model_validate({"watchlist": {"entities": [ACME]}, **sections})


class World:
    """A workshop, and what its file holds now."""

    def __init__(self, read: Callable[[], Settings] | None = None) -> None:
        self.registry = CollectorRegistry()
        self.workshop = Workshop(settings(), clock=lambda: T0, registry=self.registry, worker="w")
        self.file: Settings = settings()
        self.reloader = Reloader(self.workshop, read=read or (lambda: self.file))

    @property
    def successful(self) -> float | None:
        return self.registry.get_sample_value(SUCCESSFUL)


@pytest.fixture
def world() -> World:
    """A workshop whose linker is in use."""
    made = World()
    _ = made.workshop.linker, made.workshop.notifiers
    return made


def test_the_start_counts_as_taken(world: World) -> None:
    """An alert on the metric must not fire before anything was reloaded."""
    assert world.successful == 1
    at = world.registry.get_sample_value("tapewatch_config_last_reload_success_timestamp_seconds")
    assert at == T0.timestamp()


def test_rules_receivers_and_watchlist_are_taken(world: World) -> None:
    """Whoever holds the linker need not know: ingest and classify go on with the same one."""
    linker = world.workshop.linker
    world.file = settings(
        watchlist={"entities": [ACME, BETA]},
        alerting={"rules": [{"name": "one"}, {"name": "two"}], "receivers": [HOOK], "route": {"receiver": "desk"}},
    )
    report = world.reloader.reload(["alert"])
    assert (report.rules, report.receivers, report.entities, report.needs_restart) == (2, 1, 2, ())
    assert linker.link("Acme Corporation sues Beta Industries") == {"ACME", "BETA"}
    assert world.workshop.linker is linker
    assert list(world.workshop.notifiers) == ["desk"]
    assert [rule.name for rule in world.workshop.settings.alerting.rules] == ["one", "two"]
    assert world.workshop.generation == 1


def test_what_wants_a_restart_is_told_and_left(world: World) -> None:
    """The database under a running process does not change."""
    world.file = settings(database={"url": "sqlite:///other.db"}, stream={"partitions": 9})
    assert world.reloader.reload(["alert"]).needs_restart == ("database", "stream")
    assert world.workshop.settings.stream.partitions == 6


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"alerting": {"rules": [{"name": "odd", "window": "90s"}]}, "aggregate": {"bucket": "30s"}}, "odd: window"),
        ({"watchlist": {"entities": [ACME, ACME]}}, "ACME"),
        ({"alerting": {"receivers": [{**HOOK, "secret": "nonsense"}]}}, "secret"),
        ({"watchlist": {"file": "/nowhere/watchlist.csv"}}, "/nowhere/watchlist.csv"),
    ],
)
def test_what_cannot_be_taken_leaves_everything(world: World, sections: dict[str, Any], words: str) -> None:
    """Also where only the parts together do not fit: the new rule under the bucket that runs."""
    before = (world.workshop.settings, world.workshop.notifiers, world.workshop.linker.tickers)
    world.file = settings(**sections)
    with pytest.raises(ConfigurationError, match=words):
        world.reloader.reload(["alert"])
    assert (world.workshop.settings, world.workshop.notifiers, world.workshop.linker.tickers) == before
    assert (world.workshop.generation, world.successful) == (0, 0)
    world.file = settings()
    world.reloader.reload(["alert"])
    assert world.successful == 1


def test_a_file_that_cannot_be_read_leaves_everything(tmp_path: Path) -> None:
    """A slip of the pen, saved."""
    path = tmp_path / "tapewatch.yaml"
    path.write_text("alerting:\n  rulez: []\n")
    world = World(lambda: load_settings(path, {}))
    with pytest.raises(ConfigurationError, match="rulez"):
        world.reloader.reload(["alert"])
    assert world.successful == 0
    path.write_text("alerting: {evaluate_every: 5m}\n")
    assert world.reloader.reload(["alert"]).needs_restart == ()
    assert world.successful == 1
    assert world.workshop.settings.alerting.evaluate_every.total_seconds() == 300


def test_a_process_that_sends_nothing_does_not_stumble_over_receivers(tmp_path: Path) -> None:
    """It may not have the files that a receiver needs, and did not need them at its start."""
    mail = {"type": "email", "name": "desk", "to": ["a@b.example"], "from": "c@d.example", "host": "h"}
    alerting = {"receivers": [{**mail, "ca_file": str(tmp_path / "nowhere.pem")}]}
    world = World(lambda: settings(alerting=alerting))
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        world.reloader.reload(["alert"])
    assert world.reloader.reload(["ingest"]).receivers == 1
