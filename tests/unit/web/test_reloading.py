"""`POST /api/v1/reload`: what is in force, or why not; never without credentials where they are asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.errors import ConfigurationError
from monitor.settings import WebSettings
from monitor.web import Pages, create_app
from monitor.web.access import Access
from monitor.web.app import Limits

TOKEN = "correct-horse-battery"


def ask(answer: Mapping[str, Any] | Exception, *, method: str = "POST", token: str = TOKEN) -> tuple[int, Any]:
    """Status and body of one request."""

    def reload() -> Mapping[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    pages = Pages(registry=CollectorRegistry(), ready=dict, reload=reload)
    access = Access.of(WebSettings.model_validate({"token": TOKEN}))
    app = create_app(pages, access=access, limits=Limits(max_body_bytes=100))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {token}".encode()), (b"host", b"localhost")]
    scope = {
        "type": "http", "method": method, "path": "/api/v1/reload", "headers": headers, "query_string": b"",
        "root_path": "", "client": ("127.0.0.1", 1), "scheme": "http", "server": ("localhost", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], json.loads(body) if body.startswith(b"{") else body


def test_what_is_in_force_is_told() -> None:
    """With what still wants a restart."""
    facts = {"rules": 2, "needs_restart": ["database"]}
    assert ask(facts) == (200, facts)


def test_what_was_refused_is_told_line_by_line() -> None:
    """The caller reads what to mend, and that nothing has changed."""
    status, body = ask(ConfigurationError("t.yaml: alerting.rulez: unknown key\nt.yaml: stream: wrong"))
    assert status == 422
    assert body["problems"] == ["t.yaml: alerting.rulez: unknown key", "t.yaml: stream: wrong"]
    assert "old configuration" in body["error"]


@pytest.mark.parametrize(("method", "token", "status"), [("GET", TOKEN, 405), ("POST", "wrong", 401)])
def test_nobody_reloads_by_looking_or_without_credentials(method: str, token: str, status: int) -> None:
    """A link cannot reload, nor can a stranger."""
    assert ask({"rules": 1}, method=method, token=token)[0] == status
