"""SIGHUP and `POST /api/v1/reload` in a running daemon: rules, receivers, watchlist change; alerts keep their state."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.demo.receivers import WebhookReceiver
from monitor.domain import AlertState
from monitor.store import Store
from tests.fixtures.stores import add, label, opened_store
from tests.integration.waiting import wait_for

pytestmark = pytest.mark.timeout(180)

RULE = {
    "name": "wave", "window": "1h", "max_p_value": 0.4, "keep_firing_for": "2h",
    "gates": {"min_count": 3, "min_ratio": 1.0, "min_sources": 1, "min_coverage": 0},
    "baseline": {"min_history": "0s"},
}  # fmt: skip


class Daemon:
    """A daemon that evaluates and answers; no model is needed for that."""

    def __init__(self, folder: Path, receiver: str) -> None:
        self.config, self.log = folder / "tapewatch.yaml", folder / "daemon.log"
        self.url = f"sqlite:///{folder}/t.db"
        self.alerting: dict[str, Any] = {
            "evaluate_every": "1s",
            "rules": [RULE],
            "route": {"receiver": "desk", "group_wait": "0s", "repeat_interval": "4h"},
            "receivers": [{"type": "webhook", "name": "desk", "url": receiver}],
        }
        self.watchlist: dict[str, Any] = {"entities": [{"ticker": "ACME", "name": "Acme"}]}
        self.write()
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "monitor", "run", "--config", str(self.config)]
            command += ["--stage", "alert", "--stage", "web"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def write(self, **sections: Any) -> None:
        """Write the file as it shall be."""
        config = {
            "database": {"url": self.url}, "web": {"port": 0}, "logging": {"format": "json"},
            "local_log": {"path": str(self.config.with_name("log.db"))},
            "alerting": self.alerting, "watchlist": self.watchlist, **sections,
        }  # fmt: skip
        self.config.write_text(yaml.safe_dump(config))

    @property
    def address(self) -> str:
        """Where it listens; empty before it does."""
        lines = [line for line in self.log.read_text().splitlines() if '"web_started"' in line]
        return str(json.loads(lines[-1])["url"]) if lines else ""

    def ask(self, path: str, *, method: str = "GET") -> tuple[int, str]:
        """Status and body."""
        request = urllib.request.Request(self.address + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def metric(self, line: str) -> float | None:
        """The value of the metric whose line begins with `line`; None where there is none."""
        found = [text for text in self.ask("/metrics")[1].splitlines() if text.startswith(line + " ")]
        return float(found[0].rsplit(" ", 1)[1]) if found else None

    def hang_up(self, *, reloads: int) -> None:
        """SIGHUP, and wait until so many reloads have ended, well or not."""
        self.process.send_signal(signal.SIGHUP)
        words = ('"configuration_reloaded"', '"configuration_refused"')
        wait_for(lambda: sum(self.log.read_text().count(word) for word in words) >= reloads, seconds=20)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """Where alerts go."""
    with WebhookReceiver() as made:
        yield made


@pytest.fixture
def daemon(tmp_path: Path, receiver: WebhookReceiver) -> Iterator[Daemon]:
    """A daemon that listens, killed at the end if it still runs."""
    made = Daemon(tmp_path, receiver.url)
    try:
        wait_for(lambda: made.address, seconds=60)
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


@pytest.fixture
def store(daemon: Daemon) -> Iterator[Store]:
    """Its database, with a wave about ACME in it."""
    with closing(opened_store(daemon.url)) as opened:
        now = datetime.now(UTC)
        labels = [label(f"d{n}", at=now - timedelta(minutes=5 + n), source=f"s{n}", story=f"y{n}") for n in range(6)]
        add(opened, labels, first=0, now=now)
        yield opened


def states(store: Store) -> dict[tuple[str, str], AlertState]:
    """By rule and entity."""
    return {(alert.rule, alert.series.entity): alert.state for alert in store.alerts()}


def test_a_daemon_takes_changes_and_keeps_its_alerts(
    daemon: Daemon, store: Store, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    """What fires goes on firing, is not told twice, and what is new goes where the new file says."""
    wait_for(lambda: states(store) == {("wave", "ACME"): AlertState.FIRING}, seconds=30)
    wait_for(lambda: len(receiver.hooks) == 1, seconds=30)
    [before] = store.alerts()

    daemon.alerting["rules"] = [RULE, {**RULE, "name": "second"}]
    daemon.write()
    daemon.hang_up(reloads=1)
    wait_for(lambda: states(store).get(("second", "ACME")) == AlertState.FIRING, seconds=30)
    wait_for(lambda: len(receiver.hooks) == 2, seconds=30)
    after = next(alert for alert in store.alerts() if alert.rule == "wave")
    assert (after.state, after.since_at, after.fired_at) == (before.state, before.since_at, before.fired_at)
    assert daemon.metric("tapewatch_config_last_reload_successful") == 1

    with WebhookReceiver() as other:
        daemon.alerting["receivers"][0]["url"] = other.url
        daemon.alerting["rules"] = [RULE, {**RULE, "name": "third"}]
        daemon.write(stream={"partitions": 3})
        status, body = daemon.ask("/api/v1/reload", method="POST")
        assert (status, json.loads(body)["rules"], json.loads(body)["needs_restart"]) == (200, 2, ["stream"])
        wait_for(lambda: states(store).get(("second", "ACME")) == AlertState.RESOLVED, seconds=30)
        wait_for(lambda: states(store).get(("third", "ACME")) == AlertState.FIRING, seconds=30)
        wait_for(lambda: other.hooks, seconds=30)
    assert len(receiver.hooks) == 2
    assert daemon.metric('tapewatch_alerts{rule="second",state="firing"}') is None
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(60) == 0


def test_a_bad_file_keeps_the_old_one_and_says_so(daemon: Daemon, store: Store) -> None:
    """In the log, in the answer, in a metric; then a good one is taken."""
    wait_for(lambda: states(store) == {("wave", "ACME"): AlertState.FIRING}, seconds=30)
    daemon.config.write_text("alerting:\n  rulez: []\n")
    daemon.hang_up(reloads=1)
    status, body = daemon.ask("/api/v1/reload", method="POST")
    assert status == 422
    assert "rulez" in json.loads(body)["problems"][0]
    assert "rulez" in daemon.log.read_text()
    assert daemon.metric("tapewatch_config_last_reload_successful") == 0
    evaluated = daemon.metric('tapewatch_alert_evaluations_total{outcome="done"}') or 0.0
    wait_for(lambda: (daemon.metric('tapewatch_alert_evaluations_total{outcome="done"}') or 0) > evaluated, seconds=20)
    assert states(store) == {("wave", "ACME"): AlertState.FIRING}

    daemon.watchlist = {"entities": [{"ticker": "BETA", "name": "Beta"}]}
    daemon.write()
    daemon.hang_up(reloads=3)
    assert daemon.metric("tapewatch_config_last_reload_successful") == 1
    wait_for(lambda: states(store) == {("wave", "ACME"): AlertState.RESOLVED}, seconds=20)
    assert daemon.metric('tapewatch_sentiment{entity="ACME",topic="all"}') is None
    assert daemon.metric('tapewatch_sentiment{entity="BETA",topic="all"}') == 0
