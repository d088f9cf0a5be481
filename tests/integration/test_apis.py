"""JSON APIs over a real connection: restart, rate limits, redirects, and servers that misbehave."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.sources import open_sources
from monitor.errors import TransientError
from monitor.metrics import IngestMetrics
from monitor.net.address import is_public
from monitor.settings import Settings
from pipelines.ingest import IngestResult
from pipelines.sources.base import RawItem
from pipelines.sources.worker import SourceWorker
from tests.fixtures.feed_server import Answer, send, serving
from tests.fixtures.memory_sources import MemorySourceStore
from tests.fixtures.stores import opened_store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = {
    "type": "json",
    "url": "{at}/news?after={{cursor}}",
    "items": "items",
    "fields": {"id": "id", "published_at": "at", "title": "title"},
    "paging": {"next": "next", "since": "id", "max_pages": 2},
}
KINDS: dict[str, dict[str, Any]] = {
    "json": JSON,
    "reddit": {"type": "reddit", "subreddits": ["stocks"], "base_url": "{at}"},
    "hackernews": {"type": "hackernews", "base_url": "{at}"},
    "stocktwits": {"type": "stocktwits", "symbols": ["QNDR"], "base_url": "{at}"},
    "mastodon": {"type": "mastodon", "instance": "m.example", "tags": ["stocks"], "base_url": "{at}"},
}


class Desk:
    """A worker over a store, as the daemon has it; each poll opens the sources anew, as a restart does."""

    def __init__(self, store: Any = None, *, submit: Callable[..., object] | None = None) -> None:
        self.store = store if store is not None else MemorySourceStore()
        self.items: list[RawItem] = []
        self.registry = CollectorRegistry()
        self.worker = SourceWorker(
            store=self.store,
            submit=submit or self._take,
            owner="test",
            lease=timedelta(minutes=2),
            max_backoff=HOUR,
            metrics=IngestMetrics(self.registry),
        )

    def poll(self, at: str, kind: str = "json", *, now: datetime = NOW, allow_private: bool = True, **more: Any) -> str:
        """Poll once; gives the outcome as it was counted."""
        chosen = json.loads(json.dumps({**KINDS[kind], **more}).replace("{at}", at).replace("{{cursor}}", "{cursor}"))
        fetch = {
            "timeout": 0.6, "max_bytes": 100_000, "max_redirects": 3, "per_host_interval": 0.001,
            "allow_private": allow_private,
        }  # fmt: skip
        settings = Settings.model_validate({"sources": [{"name": "here", **chosen}], "ingest": {"fetch": fetch}})
        before = self._counted()
        with open_sources(settings) as [(source, _)]:
            self.worker.poll_once(source, now)
        return next((name for name, value in self._counted().items() if value > before.get(name, 0)), "abandoned")

    def _take(self, items: Sequence[RawItem], now: datetime) -> IngestResult:
        self.items.extend(items)
        return IngestResult(published=len(items), repeated=0, rejected=())

    def _counted(self) -> dict[str, float]:
        return {
            sample.labels["outcome"]: sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == "tapewatch_ingest_polls_total"
        }


def item(number: int) -> dict[str, object]:
    """An item of the generic API."""
    return {"id": number, "at": "2026-11-24T11:00:00Z", "title": f"Acme {number}"}


class Numbered:
    """Items 1 to `newest`, two a page, newest first."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self.asked: list[str] = []

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        given = parse_qs(urlsplit(request.path).query)
        top = int(given.get("after", [str(self.newest + 1)])[0]) - 1
        numbers = [number for number in (top, top - 1) if number > 0]
        body = {"items": [item(number) for number in numbers], "next": numbers[-1] if top > 2 else None}
        send(request, json.dumps(body).encode(), Content_Type="application/json")


def test_the_cursor_survives_a_restart(tmp_path: Path) -> None:
    """In the database, in the middle of a walk: nothing is left out, and what was there is not walked again."""
    api = Numbered(2)
    url = f"sqlite:///{tmp_path}/tapewatch.db"
    with serving(api) as at:
        with closing(opened_store(url)) as store:
            Desk(store).poll(at)
        api.newest = 8
        seen: list[str | None] = []
        for minute in (1, 2):
            with closing(opened_store(url)) as store:
                desk = Desk(store)
                desk.poll(at, now=NOW + timedelta(minutes=minute))
                seen += [raw.id for raw in desk.items]
    assert seen == [f"here:{number}" for number in (8, 7, 6, 5, 4, 3, 2, 1)]
    assert api.asked == ["/news", "/news", "/news?after=7", "/news?after=5", "/news?after=3"]


def test_what_was_not_made_safe_is_asked_for_again() -> None:
    """The bus is away while the second page is in hand: the cursor stays behind the first."""
    taken: list[str | None] = []

    def submit(items: Sequence[RawItem], now: datetime) -> IngestResult:
        if len(taken) == 2:
            raise TransientError("bus away")
        taken.extend(raw.id for raw in items)
        return IngestResult(published=len(items), repeated=0, rejected=())

    store, api = MemorySourceStore(), Numbered(4)
    with serving(api) as at:
        assert Desk(store, submit=submit).poll(at) == "abandoned"  # which is not the source's fault
        desk = Desk(store)
        desk.poll(at)
    assert (taken, [raw.id for raw in desk.items]) == (["here:4", "here:3"], ["here:2", "here:1"])


def html(request: BaseHTTPRequestHandler) -> None:
    """A log-in page."""
    send(request, b"<!doctype html><title>Log in</title>", Content_Type="text/html")


def nested(request: BaseHTTPRequestHandler) -> None:
    """Lists in lists."""
    send(request, gzip.compress(b"[" * 50_000 + b"]" * 50_000), Content_Encoding="gzip")


def huge(request: BaseHTTPRequestHandler) -> None:
    """More bytes than any answer has."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n[")
    for _ in range(1000):
        request.wfile.write(b"0," * 5_000)


def slow(request: BaseHTTPRequestHandler) -> None:
    """A byte now and then."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(50):
        request.wfile.write(b" ")
        time.sleep(0.05)


def other_kind(request: BaseHTTPRequestHandler) -> None:
    """JSON of no use."""
    send(request, b'"maintenance"', Content_Type="application/json")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(
    ("answer", "outcome", "wait_s"),
    [
        (html, "invalid", 15),
        (nested, "invalid", 15),
        (other_kind, "invalid", 15),
        (huge, "refused", 3600),
        (slow, "transient", 15),
        (lambda r: send(r, status=429, Retry_After="600"), "transient", 600),
        (lambda r: send(r, status=503, X_RateLimit_Reset="600"), "transient", 600),
        (lambda r: send(r, b"{}", status=403), "refused", 3600),
        (lambda r: send(r, b"{}", status=500), "transient", 15),
        (lambda r: send(r, status=302, Location=r.path), "refused", 3600),
    ],
    ids=["html", "nested", "other", "huge", "slow", "429", "503", "403", "500", "circle"],
)
def test_each_answer_has_one_outcome_and_one_wait(kind: str, answer: Answer, outcome: str, wait_s: int) -> None:
    """What the operator sees, and when the source is asked again."""
    desk = Desk()
    with serving(answer) as at:
        assert desk.poll(at, kind) == outcome
    state = desk.store.source_state("here")
    assert (state.next_poll_at, desk.items) == (NOW + timedelta(seconds=wait_s), [])
    assert state.last_error


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_source_on_a_private_address_is_refused_unless_allowed(kind: str) -> None:
    """The door is the same for all."""
    desk = Desk()
    with serving(lambda request: send(request, b"[]")) as at:
        assert desk.poll(at, kind, allow_private=False) == "refused"
    assert "not a public address" in (desk.store.source_state("here").last_error or "")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_redirect_into_the_inside_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 stands for a public server; every other address is judged as always."""
    monkeypatch.setattr("monitor.net.connect.is_public", lambda text: text == "127.0.0.1" or is_public(text))
    desk = Desk()
    with serving(lambda request: send(request, status=302, Location="http://127.0.0.2/latest/meta-data/")) as at:
        assert desk.poll(at, kind, allow_private=False) == "refused"
    assert "not a public address" in (desk.store.source_state("here").last_error or "")


def test_a_secret_header_does_not_follow_a_redirect_to_another_server() -> None:
    """Whoever moves an API, or takes over its name, must not get the key."""
    got: list[tuple[str | None, str | None]] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        got.append((request.headers["X-Api-Key"], request.headers["X-Plain"]))
        send(request, b'{"items": []}')

    headers = [{"name": "X-Api-Key", "secret": "s3cret"}, {"name": "X-Plain", "value": "yes"}]
    with serving(note) as other, serving(lambda r: send(r, status=302, Location=f"{other}/x")) as at:
        Desk().poll(at, headers=headers)
        Desk().poll(other, headers=headers)
    assert got == [(None, "yes"), ("s3cret", "yes")]
