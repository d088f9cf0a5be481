"""A webhook receiver on loopback that checks signatures and keeps bodies: for the demo and for tests.

It checks with code of its own, so that a mistake in the sender's signing does not agree with itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MAX_BODY_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one request gets."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    hang_s: float = 0.0  #: Wait before the answer, cut short when the receiver stops.
    drip_s: float = 0.0  #: Wait before every byte of the body, until the receiver stops.
    drop: bool = False  #: Close the connection without an answer.


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One request as received."""

    path: str
    headers: dict[str, str]  #: Names in lower case.
    raw: bytes
    verified: bool  #: The signature is right; False too when the receiver knows no secret.

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The body, decoded."""
        return json.loads(self.raw)


class WebhookReceiver:
    """Listens on 127.0.0.1 in threads of its own; use as a context manager.

    `answers` are given to the next requests in turn, 200 when there is none left. With a `secret` a request with a
    wrong signature gets 401, whatever the script says.
    """

    def __init__(self, *, secret: str | None = None, port: int = 0) -> None:
        self.hooks: list[Hook] = []
        self.answers: deque[Answer] = deque()
        self.stopping = threading.Event()
        self._secret = secret
        self._server = _Server(("127.0.0.1", port), self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/alerts"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="webhook-receiver")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> Answer:
        """Keep a request; returns its answer."""
        verified = self._secret is not None and verified_by(self._secret, headers, raw)
        self.hooks.append(Hook(path=path, headers=headers, raw=raw, verified=verified))
        if self._secret is not None and not verified:
            return Answer(status=401, body=b"signature is wrong")
        return self.answers.popleft() if self.answers else Answer()


def verified_by(secret: str, headers: dict[str, str], raw: bytes) -> bool:
    """True when one of the v1 signatures in `headers` was made with `secret`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + raw
    right = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(right, given) for given in headers.get("webhook-signature", "").split())


def _parts(answer: Answer) -> Iterator[bytes]:
    if answer.drip_s:
        yield from (answer.body[place : place + 1] for place in range(len(answer.body)))
    else:
        yield answer.body


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # stop means stopped: no thread outlives the receiver

    def __init__(self, address: tuple[str, int], receiver: WebhookReceiver) -> None:
        super().__init__(address, _Handler)
        self.receiver = receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        length = min(int(self.headers.get("content-length", "0")), MAX_BODY_BYTES)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = receiver.take(self.path, headers, self.rfile.read(length))
        if answer.hang_s:
            receiver.stopping.wait(answer.hang_s)
        if answer.drop:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        try:
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for part in _parts(answer):
                self.server.receiver.stopping.wait(answer.drip_s)
                self.wfile.write(part)
        except OSError:
            self.close_connection = True  # the client has given up, as it should on an answer that hangs

    def log_message(self, *_: object) -> None:
        """Say nothing: what came in is in `hooks`."""
