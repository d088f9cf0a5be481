"""What every request passes before a route sees it, and the headers that every answer has.

In order: how much the client asks, by what name, from whose page, with what credentials. A client that gave wrong ones
ten times waits, so that they cannot be tried out one after the other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.web.access import Access, Refusal
from monitor.web.rates import Rates, client_of

FAILURES_PER_MINUTE = 10
KNOWN = "tapewatch_known"  #: In the scope: whether credentials were right, or none are asked for.
log = structlog.get_logger(__name__)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


class Guard:
    """The outermost layer of the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        per_minute: int = 0,
        behind_proxy: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._access = access
        self._behind_proxy = behind_proxy
        self._clock = clock
        self._requests = Rates(per_minute=per_minute, burst=max(per_minute // 6, 1))
        self._failures = Rates(per_minute=FAILURES_PER_MINUTE, burst=FAILURES_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_RAW_HEADERS]
            await send(message)

        refusal = self._refusal(scope, Headers(scope=scope))
        answer = self._app if refusal is None else _answer(refusal)
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        client = client_of(_address(scope), headers, behind_proxy=self._behind_proxy)
        now_s = self._clock()
        if client is not None and (wait_s := self._requests.take(client, now_s=now_s)):
            return _too_many(wait_s)
        return self._access.misdirected(scope["method"], headers) or self._stranger(scope, headers, client, now_s)

    def _stranger(self, scope: Scope, headers: Headers, client: str | None, now_s: float) -> Refusal | None:
        # The path as it is routed by: a URL made with the Host header may say another one.
        path, access = scope["path"], self._access
        if "authorization" not in headers or not access.asks:
            scope[KNOWN] = not access.asks or not access.everything
            return access.unknown() if access.wants_credentials(path) else None
        if client is not None and (wait_s := self._failures.wait_s(client, now_s=now_s)):
            return _too_many(wait_s)
        scope[KNOWN] = access.knows(headers)
        if scope[KNOWN]:
            return None
        if client is not None:
            self._failures.take(client, now_s=now_s)
        log.warning("credentials_refused", client=client or "loopback", path=path[:80])
        return access.unknown() if access.wants_credentials(path) else None


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "127.0.0.1"


def _too_many(wait_s: float) -> Refusal:
    return Refusal(status=429, error="too many requests", headers={"Retry-After": str(math.ceil(wait_s))})


def _answer(refusal: Refusal) -> ASGIApp:
    return JSONResponse({"error": refusal.error}, status_code=refusal.status, headers=dict(refusal.headers))
