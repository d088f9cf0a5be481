"""`tapewatch run` as an operator runs it: one process, the embedded log, SQLite, the shipped adapter."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from monitor.domain import SeriesKey
from monitor.settings import DatabaseSettings
from monitor.store import open_store
from tests.integration.waiting import wait_for

pytestmark = [pytest.mark.model, pytest.mark.timeout(240)]

NOW = datetime.now(UTC)


class Daemon:
    """A running daemon in a folder of its own."""

    def __init__(self, folder: Path, **sections: object) -> None:
        self.folder = folder
        config = {
            "database": {"url": f"sqlite:///{folder}/t.db"},
            "local_log": {"path": str(folder / "log.db"), "lease": "2s"},
            "stream": {"max_poll_records": 20},
            "web": {"port": 0},
            "logging": {"format": "json"},
            "watchlist": {"entities": [{"ticker": "ACME", "name": "Acme Corporation"}]},
            **sections,
        }
        self.config = folder / "tapewatch.yaml"
        self.config.write_text(yaml.safe_dump(config))
        self.log = folder / "daemon.log"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start a process; its log is appended."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "monitor", "run", "--config", str(self.config)]
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    @property
    def address(self) -> str:
        """Where the last start listens, from its log; empty before it does."""
        lines = [line for line in self.log.read_text().splitlines() if '"web_started"' in line]
        return str(json.loads(lines[-1])["url"]) if lines else ""

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()
        except (urllib.error.URLError, ValueError, OSError) as err:
            return 0, str(err)

    def push(self, *documents: dict[str, object]) -> tuple[int, dict[str, object]]:
        """Status and answer of a push of JSON lines."""
        body = "\n".join(json.dumps(document) for document in documents).encode()
        request = urllib.request.Request(
            f"{self.address}/api/v1/documents", body, {"Content-Type": "application/x-ndjson"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as err:
            return err.code, json.loads(err.read())

    def metric(self, line: str) -> float:
        """The value of the metric whose line begins with `line`."""
        found = [text for text in self.get("/metrics")[1].splitlines() if text.startswith(line + " ")]
        return float(found[0].rsplit(" ", 1)[1]) if found else 0.0

    def leave(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to leave; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is ready, killed at the end if it still runs."""
    made = Daemon(tmp_path)
    try:
        wait_for(lambda: made.address and made.get("/readyz")[0] == 200, seconds=90)
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def document(number: int, **changes: object) -> dict[str, object]:
    """A document as a sender writes it."""
    at = NOW - timedelta(minutes=5) + timedelta(seconds=number)
    text = f"Acme Corporation warns of heavy losses in unit {number} after regulators open an investigation"
    return {"id": f"d{number}", "source": "test", "published_at": at.isoformat(), "text": text, **changes}


def test_pushed_documents_are_labelled_counted_and_seen_in_the_metrics(daemon: Daemon) -> None:
    """The way of a document from the door to the database, and a clean leave."""
    status, answer = daemon.push(*(document(n) for n in range(20)), document(20, extra="key"), document(0))

    assert status == 202
    assert (answer["published"], answer["repeated"]) == (20, 1)
    assert [r["line"] for r in answer["rejected"]] == [21]  # type: ignore[attr-defined, index]
    wait_for(lambda: daemon.metric('tapewatch_aggregate_documents_total{outcome="counted"}') == 20, seconds=60)
    assert daemon.metric('tapewatch_classify_sentiments_total{sentiment="negative"}') >= 15
    assert daemon.metric('tapewatch_dead_letters_total{reason="schema",stage="ingest"}') == 1
    assert daemon.get("/livez")[0] == 200
    assert daemon.leave(signal.SIGTERM) == 0

    store = open_store(DatabaseSettings(url=f"sqlite:///{daemon.folder}/t.db"))
    sums = store.window_counts(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    store.close()
    assert sums[SeriesKey(entity="ACME")].documents == 20


def test_a_killed_daemon_goes_on_where_it_was(daemon: Daemon) -> None:
    """Kill -9 of everything at once, on the embedded defaults: nothing lost, nothing counted twice."""
    for start in range(0, 300, 100):
        assert daemon.push(*(document(n) for n in range(start, start + 100)))[0] == 202
    wait_for(lambda: daemon.metric('tapewatch_aggregate_documents_total{outcome="counted"}') > 0, seconds=60)
    daemon.process.kill()
    daemon.process.wait()
    store = open_store(DatabaseSettings(url=f"sqlite:///{daemon.folder}/t.db"))

    def counted() -> int:
        return store.window_counts(NOW - timedelta(hours=1), NOW + timedelta(hours=1))[SeriesKey()].documents

    before = counted()
    daemon.process = daemon.start()
    wait_for(lambda: counted() >= 300, seconds=90)
    wait_for(lambda: daemon.get("/readyz")[0] == 200, seconds=90)

    assert 0 < before < 300
    assert daemon.leave(signal.SIGINT) == 0
    assert counted() == 300
    store.close()


def test_a_port_that_is_taken_stops_the_start_with_2(daemon: Daemon, tmp_path: Path) -> None:
    """An operator reads what to change, and nothing has started."""
    port = int(daemon.address.rsplit(":", 1)[1])
    other = tmp_path / "other"
    other.mkdir()
    second = Daemon(other, web={"port": port})

    assert second.process.wait(90) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in second.log.read_text()
