"""What stops a request before a route sees it; called in the process, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from monitor.web.access import Access
from monitor.web.guard import FAILURES_PER_MINUTE, KNOWN, Guard
from monitor.web.rates import MAX_CLIENTS, Rates, client_of

TOKEN = "correct-horse-battery"
RIGHT = {"authorization": f"Bearer {TOKEN}"}
WRONG = {"authorization": "Bearer no"}


async def _told(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the guard: tells what it was told."""
    await JSONResponse({"known": scope[KNOWN]})(scope, receive, send)


class Site:
    """A guard and a clock."""

    def __init__(self, access: Access, **settings: Any) -> None:
        self.now_s = 0.0
        self._guard = Guard(_told, access=access, clock=lambda: self.now_s, **settings)

    def ask(self, path: str, *, client: str = "203.0.113.7", **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers."""
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "headers": raw,
            "client": (client, 1),
            "query_string": b"",
        }
        asyncio.run(self._guard(scope, receive, send))
        got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], json.loads(sent[1]["body"]), got


def status(answer: tuple[int, Any, dict[str, str]]) -> int:
    """Its first part."""
    return answer[0]


def test_only_the_path_decides_whatever_the_host_header_says() -> None:
    """A URL put together with the Host header of a stranger has the path of a stranger."""
    site = Site(Access(token=TOKEN))
    for host in ("x?", "x#", "x/livez?", "x\\", "[", "a/../livez"):
        assert status(site.ask("/api/v1/alerts", host=host)) == 401
    assert status(site.ask("/api/v1/alerts", **RIGHT)) == 200


def test_health_is_open_and_tells_strangers_no_more_than_yes_or_no() -> None:
    """The routes see who asks."""
    site = Site(Access(token=TOKEN, everything=True))
    assert site.ask("/readyz")[:2] == (200, {"known": False})
    assert site.ask("/readyz", **RIGHT)[:2] == (200, {"known": True})
    assert site.ask("/readyz", **WRONG)[:2] == (200, {"known": False})
    assert Site(Access()).ask("/readyz")[:2] == (200, {"known": True})


def test_a_client_that_asks_too_much_waits_and_others_do_not() -> None:
    """Sixty a minute, ten of them at once; loopback has no limit."""
    site = Site(Access(), per_minute=60)
    assert [status(site.ask("/metrics")) for _ in range(12)] == [200] * 10 + [429] * 2
    assert site.ask("/metrics")[2]["retry-after"] == "1"
    assert status(site.ask("/metrics", client="203.0.113.8")) == 200
    assert {status(site.ask("/metrics", client="127.0.0.1")) for _ in range(50)} == {200}
    site.now_s = 2.0
    assert [status(site.ask("/metrics")) for _ in range(3)] == [200, 200, 429]


def test_wrong_credentials_cannot_be_tried_out() -> None:
    """Ten a minute from one client; then even the right ones wait, or the next guess would be told from the others."""
    site = Site(Access(token=TOKEN))
    assert [status(site.ask("/api/v1/alerts", **WRONG)) for _ in range(FAILURES_PER_MINUTE + 1)] == [401] * 10 + [429]
    assert status(site.ask("/api/v1/alerts", **RIGHT)) == 429
    assert status(site.ask("/api/v1/alerts", client="203.0.113.8", **RIGHT)) == 200
    site.now_s = 6.1
    assert status(site.ask("/api/v1/alerts", **RIGHT)) == 200


def test_guesses_at_an_open_path_count_too() -> None:
    """`/readyz` would tell right from wrong ones as well."""
    site = Site(Access(token=TOKEN, everything=True))
    assert [status(site.ask("/readyz", **WRONG)) for _ in range(11)] == [200] * 10 + [429]


def test_every_answer_has_the_headers_refusals_too() -> None:
    """Nothing is kept, framed or sniffed."""
    for answer in (Site(Access(token=TOKEN)).ask("/api/v1/alerts"), Site(Access()).ask("/")):
        assert "default-src 'none'" in answer[2]["content-security-policy"]
        assert answer[2]["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("2001:db8:1:2:3::1", "", "2001:db8:1:2::/64"),
        ("127.0.0.1", "", None),
        ("::1", "", None),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "nonsense", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_clients_are_known_by_address(address: str, forwarded: str, client: str | None) -> None:
    """Behind a proxy by what the proxy wrote, the last entry: those before are the client's own words."""
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert client_of(address, headers, behind_proxy=True) == client
    assert client_of("203.0.113.9", {"x-forwarded-for": "127.0.0.1"}, behind_proxy=False) == "203.0.113.9"


@given(st.lists(st.floats(0, 5), max_size=200))
def test_no_client_gets_more_than_its_share_however_it_spreads_its_requests(gaps: list[float]) -> None:
    """In any span: the burst, and what was refilled in it."""
    rates, now_s, taken = Rates(per_minute=60, burst=5), 0.0, 0
    for gap in gaps:
        now_s += gap
        taken += rates.take("a", now_s=now_s) == 0.0
    assert taken <= 5 + now_s + 1e-6


def test_only_so_many_clients_are_remembered() -> None:
    """Whoever has a million addresses fills no memory."""
    rates = Rates(per_minute=60, burst=1)
    for number in range(MAX_CLIENTS + 500):
        rates.take(str(number), now_s=0.0)
    assert len(rates._left) == MAX_CLIENTS
