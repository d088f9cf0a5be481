"""A live monitor for the tests on Prometheus: `tapewatch run` on real Kafka and PostgreSQL, with a wave of bad news."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.fixtures.prometheus import free_port

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker/prometheus"
COMPANIES = {"ACME": "Acme Corporation", "BETA": "Beta Industries"}
BAD = ("recalls its flagship product", "faces a criminal investigation", "warns of heavy losses", "loses its licence",
       "defaults on its bonds", "fires its chief executive over fraud", "halts production after an accident",
       "is sued by its largest customer")  # fmt: skip
GOOD = ("reports record profit", "raises its dividend", "opens a new plant", "wins a large order")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What runs."""

    monitor: str  #: Address of the monitor.
    database: str  #: URL of PostgreSQL.
    folder: Path

    def push(self, documents: list[dict[str, Any]]) -> None:
        """Send documents through the door; fails unless they were taken."""
        body = "\n".join(json.dumps(document) for document in documents).encode()
        kind = {"Content-Type": "application/x-ndjson"}
        request = urllib.request.Request(f"{self.monitor}/api/v1/documents", body, kind, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 202


@contextmanager
def live_monitor(folder: Path, *, kafka: str, database: str, alertmanager: str) -> Iterator[Live]:
    """Every stage in one process, a file as a source, and an alert that goes to an Alertmanager."""
    port = free_port()
    notes = [document(f"note {n}", "ACME", GOOD[n % len(GOOD)], age_s=600 + 60 * n, source="notes") for n in range(5)]
    (folder / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    config = folder / "tapewatch.yaml"
    config.write_text(yaml.safe_dump(_config(folder, kafka, database, alertmanager, port)))
    command = [sys.executable, "-m", "monitor", "run", "--config", str(config)]
    with (folder / "monitor.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            live = Live(monitor=f"http://127.0.0.1:{port}", database=database, folder=folder)
            _wait_ready(live, process)
            yield live
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)


def document(name: str, ticker: str, what: str, *, age_s: float = 0.0, source: str = "wire") -> dict[str, Any]:
    """One document about a company, published so many seconds ago; its name keeps it apart from copies."""
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    text = f"{COMPANIES[ticker]} {what}. Report {name} names district {name[::-1]} and {sum(map(ord, name))} people."
    return {"id": f"{ticker}-{name}", "source": source, "published_at": at.isoformat(), "text": text}


def prometheus_config(folder: Path, *, monitor: str, alertmanager: str) -> Path:
    """The configuration of docker/, with the rules as they are, aimed at what runs here and faster."""
    config = yaml.safe_load((DOCKER / "prometheus.yaml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    config["rule_files"] = [str(DOCKER / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]
    target = {"targets": [monitor.removeprefix("http://")]}
    config["scrape_configs"] = [{"job_name": "tapewatch", "static_configs": [target]}]
    made = folder / "prometheus.yaml"
    made.write_text(yaml.safe_dump(config))
    return made


def _config(folder: Path, kafka: str, database: str, alertmanager: str, port: int) -> dict[str, Any]:
    rule = {
        "name": "negative-spike", "window": "1h", "max_p_value": 0.01, "baseline": {"min_history": "0s"},
        "gates": {"min_count": 3, "min_ratio": 1, "min_sources": 1, "min_coverage": 0},
        "series": {"entity": "each"},
    }  # fmt: skip
    return {
        "kafka": {"bootstrap_servers": [kafka]},
        "database": {"url": database},
        "stream": {"topic_prefix": f"live-{os.getpid()}-{time.time_ns()}", "partitions": 2},
        "sources": [{"type": "file", "name": "notes", "path": str(folder / "notes.jsonl"), "every": "1s"}],
        "watchlist": {"entities": [{"ticker": ticker, "name": name} for ticker, name in COMPANIES.items()]},
        "classifier": {"drift_window": 200, "shadow": "small", "shadow_share": 1.0},
        "alerting": {
            "evaluate_every": "1s", "rules": [rule], "route": {"receiver": "on-call", "group_wait": "0s"},
            "receivers": [{"type": "alertmanager", "name": "on-call", "url": alertmanager}],
        },
        "web": {"port": port},
        "logging": {"format": "json"},
    }  # fmt: skip


def _wait_ready(live: Live, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, (live.folder / "monitor.log").read_text()[-3000:]
        assert time.monotonic() < deadline, (live.folder / "monitor.log").read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{live.monitor}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.3)
