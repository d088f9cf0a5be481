"""HTTP push over a real socket, through ingest, onto a bus in memory."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import Message
from monitor.errors import ConfigurationError, TransientError
from monitor.metrics import IngestMetrics, StageMetrics
from monitor.settings import DocumentLimits, PushSettings, WebSettings
from monitor.web import WebServer
from pipelines import wire
from pipelines.entities import EntityLinker
from pipelines.ingest import Ingest
from pipelines.sources.push import Push
from pipelines.topics import Topics
from tests.fixtures.memory_sources import MemorySourceStore
from tests.fixtures.memory_stories import assigner

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOKEN = "correct-horse"


class Bus:
    """Producer and memory of ids."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.ids: set[str] = set()
        self.away = False

    def send(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise TransientError("away", retry_after_s=3)
        self.messages += messages

    def unseen(self, ids: Sequence[str]) -> set[str]:
        return set(ids) - self.ids

    def mark_seen(self, ids: Collection[str], *, at: datetime) -> None:
        self.ids |= set(ids)

    def close(self) -> None:
        """Nothing to release."""


class Site:
    """A served monitor with the push door open."""

    def __init__(self) -> None:
        self.bus, registry = Bus(), CollectorRegistry()
        ingest = Ingest(
            store=self.bus,  # type: ignore[arg-type]
            producer=self.bus,
            topics=Topics(prefix="t"),
            limits=DocumentLimits(),
            linker=EntityLinker([]),
            assign=assigner(registry),
            metrics=IngestMetrics(registry),
            stage_metrics=StageMetrics(registry),
        )
        door = Push(PushSettings(max_documents=3), submit=ingest.submit, store=MemorySourceStore(), clock=lambda: NOW)
        settings = WebSettings(port=0, token=TOKEN, max_body_bytes=10_000)  # type: ignore[arg-type]
        self.server = WebServer(settings, registry=registry, ready=dict, submit=door)
        self.server.start()

    def post(self, body: Any, **headers: str) -> tuple[int, Any, dict[str, str]]:
        usual = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {TOKEN}"}
        return self.ask("POST", "/api/v1/documents", body, usual | headers)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on a free port of loopback."""
    made = Site()
    yield made
    made.server.stop()


def lines(*documents: dict[str, Any]) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def document(id_: str, **changes: Any) -> dict[str, Any]:
    """A good document."""
    return {"id": id_, "source": "desk", "published_at": "2026-03-02T11:00:00Z", "text": f"text {id_}"} | changes


def test_pushed_documents_are_on_the_bus_when_202_comes(site: Site) -> None:
    """And a request that is sent again publishes nothing twice."""
    body = lines(document("1"), document("2"), document("3", published_at="2027-01-01T00:00:00Z"))
    status, answer, _ = site.post(body)
    facts = json.loads(answer)
    assert (status, facts["published"]) == (202, 2)
    assert [(r["index"], r["line"], r["reason"]) for r in facts["rejected"]] == [(2, 3, "future_date")]
    published = [m for m in site.bus.messages if m.topic == "t.documents"]
    assert [wire.decode_document(m.value).id for m in published] == ["1", "2"]
    assert json.loads(site.post(body)[1])["repeated"] == 2


def test_nothing_is_lost_while_the_bus_is_away(site: Site) -> None:
    """503 with a time to wait, and the same request is taken afterwards."""
    site.bus.away = True
    status, _, headers = site.post(lines(document("1")))
    assert (status, headers["retry-after"]) == (503, "3")
    site.bus.away = False
    assert site.post(lines(document("1")))[0] == 202


def test_bad_requests_are_refused_and_the_server_lives_on(site: Site) -> None:
    """Each kind has its status; nothing of them reaches the documents topic."""
    assert site.post(lines(document("1")), Authorization="Bearer no")[0] == 401
    assert site.post(b"x" * 10_001)[0] == 413
    assert site.post(part for part in [b"x" * 6000] * 3)[0] == 413
    assert site.post(lines(*[document(str(n)) for n in range(4)]))[0] == 413
    assert site.post(b"{}", **{"Content-Type": "text/plain"})[0] == 415
    assert site.post(b"nonsense\n")[0] == 400
    assert [m.topic for m in site.bus.messages] == ["t.dead-letters"]
    status, metrics, _ = site.ask("GET", "/metrics", None, {})
    assert status == 200
    assert b'tapewatch_dead_letters_total{reason="malformed_json",stage="ingest"} 1.0' in metrics


def test_an_address_in_use_is_a_clear_refusal() -> None:
    """The operator reads which key to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = WebSettings(port=taken.getsockname()[1])
        server = WebServer(settings, registry=CollectorRegistry(), ready=dict)
        with pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1.*web\.port"):
            server.start()
        server.stop()
