"""What the server answers; the application is called in the process, without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from monitor.errors import InvalidRecordError, TransientError
from monitor.ports import PushOutcome, PushRejection
from monitor.web import Access, Limits, Pages, create_app

JSON = {"content-type": "application/json; charset=utf-8"}


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """Stands for ingest."""

    def __init__(self, answer: PushOutcome | Exception) -> None:
        self.answer = answer
        self.bodies: list[tuple[bytes, str]] = []

    def __call__(self, body: bytes, content_type: str) -> PushOutcome:
        self.bodies.append((body, content_type))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


REFUSED = PushRejection(index=1, line=2, reason="schema", detail="no `text`")
TAKEN = PushOutcome(published=1, repeated=2, rejected=())
SOURCE = {"name": "wire", "state": "dead", "last_success_at": datetime(2026, 3, 2, 9, tzinfo=UTC), "next_poll_at": None}


class Site:
    """An application and a way to ask it."""

    def __init__(self, door: Door | None = None, *, token: str | None = None, problems: dict[str, str] | None = None):
        registry = CollectorRegistry()
        Counter("tapewatch_things", "Things.", registry=registry).inc()
        pages = Pages(
            registry=registry,
            ready=lambda: problems or {},
            submit=door,
            alerts=lambda: [{"rule": "r"}],
            sources=lambda: [SOURCE],
        )
        self._app = create_app(pages, access=Access(token=token), limits=Limits(max_body_bytes=100))

    def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, chunks: Sequence[bytes] = (b"",)
    ) -> Answer:
        """One request; the body comes in `chunks`."""
        incoming = [{"type": "http.request", "body": c, "more_body": True} for c in chunks[:-1]]
        incoming.append({"type": "http.request", "body": chunks[-1], "more_body": False})
        sent: list[Any] = []

        async def receive() -> Any:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(k.encode(), v.encode()) for k, v in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b"", "root_path": ""}
        asyncio.run(self._app(scope, receive, send))
        got = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], got, b"".join(m.get("body", b"") for m in sent[1:]))

    def post(self, *chunks: bytes, **headers: str) -> Answer:
        return self.ask("POST", "/api/v1/documents", headers=JSON | headers, chunks=chunks)


def test_health_is_live_always_and_ready_only_without_problems() -> None:
    """A restart helps against neither a broker nor a database that is away."""
    site = Site(problems={"classify": "broker away"})
    assert site.ask("GET", "/livez").status == 200
    answer = site.ask("GET", "/readyz")
    assert (answer.status, answer.json) == (503, {"ready": False, "problems": {"classify": "broker away"}})
    assert Site().ask("GET", "/readyz").json == {"ready": True, "problems": {}}


def test_metrics_are_those_of_the_registry() -> None:
    """Prometheus reads them without a token."""
    answer = Site(token="s3cret").ask("GET", "/metrics")
    assert answer.status == 200
    assert b"tapewatch_things_total 1.0" in answer.body
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_documents_are_accepted_once_the_door_has_taken_them() -> None:
    """202 means: the bus has acknowledged."""
    door = Door(TAKEN)
    answer = Site(door).post(b'{"a":', b"1}")
    assert (answer.status, answer.json) == (202, {"published": 1, "repeated": 2, "rejected": []})
    assert door.bodies == [(b'{"a":1}', "application/json")]


@pytest.mark.parametrize(("published", "repeated", "status"), [(1, 0, 202), (0, 1, 202), (0, 0, 400)])
def test_a_request_of_bad_documents_alone_is_refused(published: int, repeated: int, status: int) -> None:
    """With one good document it is taken, and the bad ones are listed with line and reason."""
    outcome = PushOutcome(published=published, repeated=repeated, rejected=(REFUSED,))
    answer = Site(Door(outcome)).post(b"{}")
    assert answer.status == status
    assert answer.json["rejected"] == [{"index": 1, "line": 2, "reason": "schema", "detail": "no `text`"}]


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (TransientError("broker kafka-1 away"), 503, "5"),
        (TransientError("away", retry_after_s=12.2), 503, "13"),
        (InvalidRecordError("not JSON", reason="malformed_json"), 400, None),
        (InvalidRecordError("too many documents", reason="too_large"), 413, None),
    ],
)
def test_errors_tell_the_sender_what_to_do(error: Exception, status: int, retry_after: str | None) -> None:
    """Send again later, or never; the names of our servers stay ours."""
    answer = Site(Door(error)).post(b"{}")
    assert (answer.status, answer.headers.get("retry-after")) == (status, retry_after)
    assert b"kafka-1" not in answer.body


def test_a_body_is_refused_as_soon_as_it_is_too_large() -> None:
    """Announced or not, it is not collected in memory."""
    door = Door(TAKEN)
    assert Site(door).post(b"{}", **{"content-length": "101"}).status == 413
    assert Site(door).post(*[b"x" * 60] * 1000).status == 413
    assert door.bodies == []
    assert Site(door).post(b"x" * 100).status == 202


def test_only_json_is_taken() -> None:
    """What a browser may send to another origin unasked, a form or plain text, is not."""
    site = Site(Door(TAKEN))
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = site.ask("POST", "/api/v1/documents", headers={"content-type": content_type})
        assert answer.status == 415
        assert "application/json" in answer.json["error"]
    assert site.post(b"{}", **{"content-encoding": "gzip"}).status == 415


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic s3cret", "Bearer", "Bearer s3cret\u00e9"])
def test_the_api_wants_the_token(given: str | None) -> None:
    """Without it nothing is read; health stays open."""
    door = Door(TAKEN)
    site = Site(door, token="s3cret")
    headers = {} if given is None else {"authorization": given}
    answer = site.post(b"{}", **headers)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert site.ask("GET", "/api/v1/alerts", headers=headers).status == 401
    assert site.ask("GET", "/api/v1/sources", headers=headers).status == 401
    assert site.ask("GET", "/livez").status == 200
    assert door.bodies == []


def test_the_token_opens_the_api() -> None:
    """The scheme's case does not matter, as the standard says."""
    site = Site(Door(TAKEN), token="s3cret")
    assert site.post(b"{}", authorization="bearer s3cret").status == 202
    assert site.ask("GET", "/api/v1/alerts", headers={"authorization": "Bearer s3cret"}).json == [{"rule": "r"}]


def test_sources_are_shown_with_their_instants() -> None:
    """A dead source is found without a shell on the machine."""
    answer = Site(token="s3cret").ask("GET", "/api/v1/sources", headers={"authorization": "Bearer s3cret"})
    assert answer.json == [
        {"name": "wire", "state": "dead", "last_success_at": "2026-03-02T09:00:00+00:00", "next_poll_at": None}
    ]


def test_a_dead_source_does_not_make_the_process_unready() -> None:
    """A restart would not bring the publisher back."""
    assert Site().ask("GET", "/readyz").json == {"ready": True, "problems": {}}


def test_the_index_links_what_is_there() -> None:
    """A person who opens the address finds the rest; answers cannot be framed or sniffed."""
    answer = Site().ask("GET", "/")
    assert b'href="/metrics"' in answer.body
    assert b'href="/api/v1/sources"' in answer.body
    assert b"/api/v1/status" not in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert Site().ask("GET", "/nowhere").status == 404
    assert Site().post(b"{}").status == 404
    assert Site(Door(TAKEN)).ask("GET", "/api/v1/documents").status == 405
