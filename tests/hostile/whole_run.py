"""One run of the whole monitor over the hostile material, and what the world saw of it."""

from __future__ import annotations

import http.client
import io
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry

from monitor.app.monitor import Monitor
from monitor.demo.receivers import SmtpReceiver, WebhookReceiver
from monitor.domain import Mention, Prediction, Probabilities
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings, Settings
from pipelines.routing import OneModel
from tests.fixtures.feed_server import send, serving
from tests.hostile.material import RAW_BODIES, TITLES, WATCHED, documents, feed
from tests.integration.waiting import wait_for


class AllBad:
    """A stub label: this test looks at what is shown, it does not judge."""

    version = "bad-1"

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        bad = Probabilities(negative=0.9, neutral=0.05, positive=0.05)
        return [Prediction(topic="Markets", topic_probability=0.5, probabilities=bad, model=self.version)] * len(texts)


@dataclass
class Outcome:
    """What the world saw of it."""

    mails: list[EmailMessage] = field(default_factory=list)
    hooks: list[Any] = field(default_factory=list)
    log: str = ""
    metrics: str = ""
    alerts: Any = None
    published: int = 0
    refused: int = 0
    statuses: list[int] = field(default_factory=list)
    refused_raw: int = 0


@contextmanager
def logging_to(stream: io.StringIO) -> Iterator[None]:
    """Every log as JSON into `stream`; afterwards as before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logging(LoggingSettings(format="json", level="debug"), stream=stream)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


def run_monitor(folder: Path) -> Outcome:
    """One process with every stage over all of it."""
    found, written = Outcome(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(logging_to(written))
        mail, hook = stack.enter_context(SmtpReceiver()), stack.enter_context(WebhookReceiver())
        served = stack.enter_context(serving(lambda request: send(request, feed(), Content_Type="application/rss+xml")))
        stop = threading.Event()
        monitor = Monitor(configuration(folder, mail, hook, served), stop=stop, registry=CollectorRegistry())
        monitor.workshop.models = OneModel(AllBad())
        monitor.start(["ingest", "classify", "aggregate", "alert", "web"])
        try:
            observe(found, monitor, mail, hook)
        finally:
            stop.set()
            monitor.leave(timeout_s=60)
    found.log = written.getvalue()
    return found


def configuration(folder: Path, mail: SmtpReceiver, hook: WebhookReceiver, feed_url: str) -> Settings:
    """Everything on loopback; a rule that fires at five stories."""
    rule = {
        "name": "bad", "window": "1h", "method": "threshold", "sensitivity": 4, "baseline": {"min_history": "0s"},
        "gates": {"min_count": 1, "min_ratio": 1, "min_sources": 1, "min_coverage": 0},
        "annotations": {"summary": "{entity} {seen}"}, "labels": {"severity": "page"},
    }  # fmt: skip
    routes = [{"receiver": "mail", "continue": True}, {"receiver": "hook"}]
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/t.db"},
            "local_log": {"path": folder / "log.db"},
            "stream": {"partitions": 1},
            "web": {"port": 0},
            "sources": [{"type": "feed", "name": "wire", "url": feed_url, "every": "5s"}],
            "ingest": {"fetch": {"allow_private": True, "parse_timeout": "60s", "timeout": "60s"}},
            "watchlist": {"entities": [{"ticker": ticker, "name": name} for ticker, name in WATCHED.items()]},
            "alerting": {
                "evaluate_every": "1s",
                "rules": [rule],
                "route": {"receiver": "mail", "group_wait": "2s", "group_interval": "5s", "routes": routes},
                "receivers": [
                    {"type": "email", "name": "mail", "to": ["desk@risk.example"], "from": "t@risk.example",
                     "host": "127.0.0.1", "port": mail.port, "tls": "none"},
                    {"type": "webhook", "name": "hook", "url": hook.url},
                ],
            },
        }
    )  # fmt: skip


def observe(found: Outcome, monitor: Monitor, mail: SmtpReceiver, hook: WebhookReceiver) -> None:
    """Send everything, wait until it was told of, and look at what can be seen."""
    for document in documents():
        status, answer = post(monitor, json.dumps(document).encode())
        found.statuses.append(status)
        found.published += answer.get("published", 0)
        found.refused += len(answer.get("rejected", ()))
    for body in RAW_BODIES:
        status, answer = post(monitor, body)
        found.statuses.append(status)
        found.refused_raw += status == 400
    wait_for(lambda: counted(monitor) >= found.published + len(TITLES), seconds=120)
    wait_for(lambda: told(hook) >= set(WATCHED) and mail.mails, seconds=120)
    wait_for(lambda: all(name in text(mail) for name in WATCHED.values()), seconds=120)
    found.mails = [BytesParser(policy=policy.default).parsebytes(each.raw) for each in mail.mails]  # type: ignore[misc]
    found.hooks = [each.json for each in hook.hooks]
    found.metrics = get(monitor, "/metrics")[1].decode()
    found.alerts = json.loads(get(monitor, "/api/v1/alerts")[1])


def told(hook: WebhookReceiver) -> set[str]:
    """Companies that the webhook was told of."""
    return {alert["labels"]["entity"] for each in hook.hooks for alert in each.json["alerts"]}


def text(mail: SmtpReceiver) -> str:
    """All that the mails say in plain text."""
    bodies = (each.message.get_body(("plain",)) for each in mail.mails)
    return "".join(str(body.get_content()) for body in bodies if body is not None)


def counted(monitor: Monitor) -> float:
    """Documents that are in the buckets."""
    value = monitor.registry.get_sample_value("tapewatch_aggregate_documents_total", {"outcome": "counted"})
    return value or 0.0


def post(monitor: Monitor, body: bytes) -> tuple[int, dict[str, Any]]:
    """Push one body."""
    status, answer = ask(monitor, "POST", "/api/v1/documents", body)
    return status, json.loads(answer)


def get(monitor: Monitor, path: str) -> tuple[int, bytes]:
    """Ask for a page."""
    return ask(monitor, "GET", path, None)


def ask(monitor: Monitor, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
    """One request over a socket."""
    connection = http.client.HTTPConnection(urlsplit(monitor.address).netloc, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
