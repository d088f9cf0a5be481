"""The demonstration's configuration: what a user would write, with addresses on loopback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml

from monitor.demo.feed_server import FeedServer
from monitor.demo.stream import DocumentJson, outlets
from monitor.settings import Settings
from monitor.settings.load import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the outside world of the demonstration listens."""

    feeds: FeedServer
    smtp_port: int
    webhook_url: str
    webhook_secret: str
    kafka: str | None = None  #: Bootstrap address; None: the embedded log.
    database: str | None = None  #: URL; None: SQLite in the folder.


def write_scene(folder: Path, history: list[DocumentJson], doors: Doors) -> Settings:
    """Write history, watchlist and `tapewatch.yaml` into `folder`; returns the settings as loaded from there."""
    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in history)
    (folder / "history.jsonl").write_text(lines, encoding="utf-8")
    with as_file(files("monitor.demo") / "watchlist.csv") as watchlist:
        (folder / "watchlist.csv").write_text(watchlist.read_text(encoding="utf-8"), encoding="utf-8")
    config = folder / "tapewatch.yaml"
    config.write_text(yaml.safe_dump(_config(folder, doors), sort_keys=False), encoding="utf-8")
    return load_settings(config, {})


def _config(folder: Path, doors: Doors) -> Mapping[str, Any]:
    # Event time runs faster than the wall here, so the leases are long and the intervals short.
    return {
        "database": {"url": doors.database or f"sqlite:///{folder}/tapewatch.db"},
        "kafka": {"bootstrap_servers": [doors.kafka] if doors.kafka else []},
        "local_log": {"path": str(folder / "tapewatch-log.db"), "lease": "1d", "retention": "30d"},
        "stream": {"partitions": 2},
        "sources": [_history(folder), *_feeds(doors.feeds)],
        "ingest": {"lease": "1d", "fetch": {"allow_private": True, "per_host_interval": "20ms", "timeout": "5s"}},
        "watchlist": {"file": str(folder / "watchlist.csv")},
        "alerting": _alerting(doors),
        "web": {"port": 0},
        "logging": {"level": "warning"},
    }


def _history(folder: Path) -> Mapping[str, Any]:
    return {"type": "file", "name": "archive", "path": str(folder / "history.jsonl"), "every": "1s"}


def _feeds(feeds: FeedServer) -> list[Mapping[str, Any]]:
    return [
        {
            "type": "feed",
            "name": outlet.name,
            "url": feeds.url(outlet.name),
            "source_class": outlet.source_class,
            "every": "1s",
        }
        for outlet in outlets()
        if outlet.door != "push"
    ]


def _alerting(doors: Doors) -> Mapping[str, Any]:
    mail = {"type": "email", "name": "mail", "to": ["desk@risk.example"], "from": "tapewatch@risk.example"}
    hook = {"type": "webhook", "name": "hook", "url": doors.webhook_url, "secret": doors.webhook_secret}
    return {
        "evaluate_every": "500ms",
        # By a clock that runs so much faster everything is far behind, for a moment.
        "tolerated_backlog": "1d",
        "rules": [
            {
                "name": "negative-spike",
                "window": "1h",
                "gates": {"min_count": 5, "min_ratio": 3, "min_sources": 2},
                "keep_firing_for": "15m",
                "labels": {"severity": "page"},
                "annotations": {"summary": "{entity}: {seen} negative stories in an hour, {expected} expected"},
            }
        ],
        "route": {
            "receiver": "mail",
            "group_wait": "30s",
            "group_interval": "30m",
            "routes": [{"receiver": "mail", "continue": True}, {"receiver": "hook"}],
        },
        "receivers": [{**mail, "host": "127.0.0.1", "port": doors.smtp_port, "tls": "none"}, hook],
    }
