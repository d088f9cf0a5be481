"""Connections: resolve once, check every address, connect to one that was checked, keep to the deadline."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore2

from monitor.errors import PermanentError, TransientError
from monitor.net.address import is_public
from monitor.net.deadline import Deadline

MAX_ADDRESSES = 4  #: Tried one after the other.

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses. Decimal, octal and hexadecimal spellings come out as plain addresses."""


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system; the order is the system's, without repeats."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(resolver: Resolver, host: str, port: int, *, timeout_s: float) -> Sequence[str]:
    """Call `resolver`, but wait no longer than `timeout_s`: the system's own limit is far longer."""
    answer: list[Sequence[str]] = []
    problem: list[Exception] = []

    def ask() -> None:
        try:
            answer.append(resolver(host, port))
        except (OSError, UnicodeError) as err:
            problem.append(err)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if problem:
        raise TransientError(f"cannot resolve {host}: {problem[0]}") from problem[0]
    if not answer or not answer[0]:
        raise TransientError(f"cannot resolve {host}: no answer")
    return answer[0]


class TimedStream(httpcore2.NetworkStream):
    """A stream whose every operation ends at the deadline, however slowly the other side drips."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline rules
        """Read what is there, at most `max_bytes`."""
        return self._inner.read(max_bytes, self._deadline.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline rules
        """Write all of `buffer`."""
        self._inner.write(buffer, self._deadline.left_s())

    def close(self) -> None:
        """Close the socket."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline rules
    ) -> httpcore2.NetworkStream:
        """Speak TLS from here on; the certificate is checked against the name, not the address."""
        return TimedStream(self._inner.start_tls(ssl_context, server_hostname, self._deadline.left_s()), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the library has it
        """What the library asks of the socket."""
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore2.NetworkBackend):
    """Opens the connections of one request."""

    def __init__(self, *, deadline: Deadline, allow_private: bool, resolver: Resolver) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._resolver = resolver
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline rules
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of `host` that is allowed and answers."""
        addresses = self._allowed(host, port)
        problem: Exception | None = None
        for tried, address in enumerate(addresses):
            share_s = self._deadline.left_s() / (len(addresses) - tried)
            try:
                stream = self._sockets.connect_tcp(address, port, share_s, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as err:
                problem = err
            else:
                return TimedStream(stream, self._deadline)
        raise TransientError(f"cannot connect to {host}: {problem or 'no address'}") from problem

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - refused whatever it is
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Refuse: no URL leads to a socket file."""
        raise PermanentError("Unix sockets are not allowed")

    def _allowed(self, host: str, port: int) -> Sequence[str]:
        found = resolve(self._resolver, host, port, timeout_s=self._deadline.left_s())
        if not self._allow_private:
            refused = [address for address in found if not is_public(address)]
            if refused:
                # One bad address is enough: a name that mixes them is an attack or a mistake.
                raise PermanentError(f"{host} leads to {refused[0]}, which is not a public address")
        return found[:MAX_ADDRESSES]
