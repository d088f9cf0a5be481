"""Connections: one that brings no whole request in time is closed, and one client holds so many at once.

Without this a handful of clients that send a byte a minute would hold every connection there is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.web.rates import client_of

REQUEST_S = 75.0  #: From the first byte of a request to its last; a body has 60 of them.
FIRST_BYTE_S = 15.0  #: From the connection to the first byte; later requests have the keep-alive's time.
log = structlog.get_logger(__name__)


class Doorway:
    """Counts the connections of each client."""

    def __init__(self, *, per_client: int, request_s: float = REQUEST_S, first_byte_s: float = FIRST_BYTE_S) -> None:
        self.request_s = request_s
        self.first_byte_s = first_byte_s
        self._per_client = per_client
        self._open: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Count a connection; False when the client has as many as it may."""
        if self._open[client] >= self._per_client:
            return False
        self._open[client] += 1
        return True

    def leave(self, client: str) -> None:
        """One connection less."""
        self._open[client] -= 1
        if self._open[client] <= 0:
            del self._open[client]

    def protocol(self) -> type[H11Protocol]:
        """The protocol of a server with this door, for uvicorn."""
        return type("Connection", (_Connection,), {"doorway": self})


class _Connection(H11Protocol):
    """HTTP/1.1 with a deadline for each request."""

    doorway: Doorway

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- the library's own
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._silent = True  #: Nothing has come yet.
        self._counted: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and wait for its first byte."""
        super().connection_made(transport)
        client = client_of(self.client[0], {}, behind_proxy=False) if self.client else None
        if client is not None:
            if not self.doorway.enter(client):
                log.warning("connection_refused", client=client)
                transport.abort()
                return
            self._counted = client
        self._arm(self.doorway.first_byte_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._disarm()
        if self._counted is not None:
            self.doorway.leave(self._counted)
            self._counted = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand on what came: the first bytes of a request begin its time, its last end it."""
        if self._silent:
            self._silent = False
            self._disarm()
        super().data_received(data)
        if not self._is_under_way():
            self._disarm()
        elif self._deadline is None:
            self._arm(self.doorway.request_s)

    def _is_under_way(self) -> bool:
        """True while a part of a request is still to come."""
        state = self.conn.their_state
        return state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _arm(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        log.warning("connection_too_slow", client=self._counted or "loopback")
        self.transport.abort()
