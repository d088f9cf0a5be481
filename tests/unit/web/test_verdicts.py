"""Where the links of messages end: following one records nothing, pressing the button does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import VerdictKind
from monitor.errors import PermanentError, TransientError
from monitor.ports import EpisodeView
from monitor.web import Access, Limits, Pages, create_app

EVIL = '<script>alert(1)</script>"'
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class Desk:
    """Takes the token `good`."""

    about: str = "Acme Corp (ACME)"
    said: list[tuple[VerdictKind, str, str]] = field(default_factory=list)
    away: bool = False

    def episode(self, token: str) -> EpisodeView:
        if self.away:
            raise TransientError("database db-7 away")
        if token != "good":
            raise PermanentError(f"not made here: {EVIL}")
        last = self.said[-1][0] if self.said else None
        at = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
        return EpisodeView(rule="spike", about=self.about, fired_at=at, summary="23 seen, 2.1 expected", verdict=last)

    def record(self, token: str, verdict: VerdictKind, *, by: str, note: str) -> EpisodeView:
        episode = self.episode(token)
        self.said.append((verdict, by, note))
        return episode


def ask(desk: Desk, method: str, path: str, body: bytes = b"", *, token: str | None = None) -> tuple[int, str]:
    """Status and page."""
    pages = Pages(registry=CollectorRegistry(), ready=dict, verdicts=desk)
    app, sent = create_app(pages, access=Access(token=token), limits=Limits(max_body_bytes=10)), []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(k.encode(), v.encode()) for k, v in FORM.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b"", "root_path": ""}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]).decode()


def posted(desk: Desk, **fields: str) -> tuple[int, str]:
    """The answer to a form."""
    return ask(desk, "POST", "/verdicts/good/useful", urlencode(fields).encode())


def test_following_a_link_shows_what_it_is_about_and_records_nothing() -> None:
    """Programs that check mail follow every link."""
    desk = Desk()
    for method in ("GET", "HEAD"):
        status, page = ask(desk, method, "/verdicts/good/false")
        assert status == 200
    status, page = ask(desk, "GET", "/verdicts/good/false")
    assert desk.said == []
    for fact in ("Acme Corp (ACME)", "2026-03-02 14:05 UTC", "spike", "23 seen, 2.1 expected"):
        assert fact in page
    assert page.index('value="false" class="asked"') < page.index('value="useful"'), "what was asked for comes first"


def test_pressing_a_button_records() -> None:
    """Also another verdict than the link's, with a name and a reason."""
    desk = Desk()
    status, page = posted(desk, verdict="duplicate", by="Ann", note="seen on the wire")
    assert (status, desk.said) == (200, [(VerdictKind.DUPLICATE, "Ann", "seen on the wire")])
    assert "Recorded: duplicate" in page
    assert posted(desk)[0] == 200
    assert desk.said[1] == (VerdictKind.USEFUL, "", ""), "without a field it is what the link says"
    assert "So far it counts as useful" in ask(desk, "GET", "/verdicts/good/false")[1]


def test_a_link_needs_no_token_of_the_api() -> None:
    """A reader on a telephone has none; the link is the permission."""
    assert ask(Desk(), "GET", "/verdicts/good/useful", token="s3cret")[0] == 200


@pytest.mark.parametrize("path", ["/verdicts/bad/useful", "/verdicts/good/great", "/verdicts/good", "/verdicts/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_link_is_refused(method: str, path: str) -> None:
    """With a page that says what to do, and nothing recorded."""
    desk = Desk()
    status, page = ask(desk, method, path)
    assert (status, desk.said) == (404, [])
    assert "<script>" not in page


def test_an_unknown_verdict_is_refused() -> None:
    """A form that somebody made by hand."""
    desk = Desk()
    assert posted(desk, verdict="great")[0] == 404
    assert desk.said == []


def test_a_form_is_bounded() -> None:
    """A field that is too long is cut, a form that is too long refused."""
    desk = Desk()
    assert posted(desk, by="b" * 200, note="n" * 2000)[0] == 200
    assert [len(part) for part in desk.said[0][1:]] == [80, 500]
    assert posted(desk, note="n" * 9000)[0] == 413
    assert ask(desk, "POST", "/verdicts/good/useful", b"\xff=\xfe&" * 5)[0] == 200


def test_a_page_shows_names_as_text() -> None:
    """Entities may be called anything."""
    page = ask(Desk(about=EVIL), "GET", "/verdicts/good/useful")[1]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_store_that_is_away_is_said_without_its_name() -> None:
    """Try again later."""
    status, page = ask(Desk(away=True), "GET", "/verdicts/good/useful")
    assert status == 503
    assert "db-7" not in page
