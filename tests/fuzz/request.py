"""The target of requests: what comes before any route of the server sees them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from starlette.types import Message, Receive, Scope, Send

from monitor.web.access import OPEN_PATHS, OPEN_PREFIX, Access
from monitor.web.guard import Guard
from tests.fuzz.parts import split

PAST_THE_GUARD = 299
ACCESS = Access(token=uuid4().hex, login=("scraper", uuid4().hex), everything=True)


def fuzz_request(data: bytes) -> None:
    """The head of a request to a server beyond loopback: without the token nothing but health is seen."""
    method, path, host, authorization, origin, forwarded = split(data, 6)
    given = {"host": host, "authorization": authorization, "origin": origin, "x-forwarded-for": forwarded}
    raw = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in given.items() if value]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "client": ("203.0.113.7", 1)}
    status: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        status.append(message.get("status", 0))

    asyncio.run(Guard(_inside, access=ACCESS, behind_proxy=True)(scope, receive, send))
    assert status[0] != PAST_THE_GUARD or path in OPEN_PATHS or path.startswith(OPEN_PREFIX), (path, authorization)


async def _inside(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": PAST_THE_GUARD, "headers": []})
    await send({"type": "http.response.body", "body": b""})
