"""The HTTP client: one request, its redirects, its answer."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import httpcore2

from monitor.errors import PermanentError, TransientError
from monitor.net.body import ACCEPT_ENCODING, read_body
from monitor.net.connect import GuardedBackend, Resolver, system_resolver
from monitor.net.deadline import Deadline
from monitor.net.target import Target, read_target

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})
_BROKEN = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.RemoteProtocolError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]  #: Lower-case names; repeated ones joined with a comma.
    body: bytes  #: Decompressed.
    url: str  #: Where the answer came from, after redirects.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One hop."""

    method: str
    target: Target
    headers: Mapping[str, str]
    body: bytes | None
    confined: frozenset[str]  #: Names of headers that stay with the origin they are for.


class HttpClient:
    """Makes requests under the network rules. Safe to use from several threads: each request is a connection.

    Status codes are returned. `TransientError`: not reached, too slow, broken answer. `PermanentError`: address, scheme
    or URL not allowed, too large, too many redirects.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        timeout_s: float,
        max_bytes: int,
        max_redirects: int,
        allow_private: bool,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._user_agent = user_agent
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._allow_private = allow_private
        self._resolver = resolver
        # The system's authorities, or SSL_CERT_FILE's; made once, because loading them takes long.
        self._tls: ssl.SSLContext = httpcore2.default_ssl_context()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        confined: Collection[str] = (),
    ) -> Response:
        """Ask, follow redirects up to the limit (with 0 a redirect is returned as it is), return the answer.

        Credentials, and the headers named in `confined`, do not follow a redirect to another origin.
        """
        deadline = Deadline(self._timeout_s)
        given = {name.lower(): value for name, value in (headers or {}).items()}
        kept_here = _CREDENTIALS | {name.lower() for name in confined}
        ask = _Ask(method=method.upper(), target=read_target(url), headers=given, body=body, confined=kept_here)
        seen = {(ask.method, ask.target.url)}
        while True:
            response = self._hop(ask, deadline)
            location = response.headers.get("location")
            if not self._max_redirects or response.status not in _REDIRECTS or not location:
                return response
            ask = _next(ask, response.status, location)
            if len(seen) > self._max_redirects or (ask.method, ask.target.url) in seen:
                raise PermanentError(f"redirected in a circle or more than {self._max_redirects} times")
            seen.add((ask.method, ask.target.url))

    def _hop(self, ask: _Ask, deadline: Deadline) -> Response:
        host = ask.target.host
        try:
            return self._exchange(ask, deadline)
        except _BROKEN as err:
            raise TransientError(f"{host}: {type(err).__name__}: {err}".rstrip(": ")) from err
        except (httpcore2.LocalProtocolError, httpcore2.UnsupportedProtocol, UnicodeError) as err:
            raise PermanentError(f"{host}: request cannot be sent: {err}") from err

    def _exchange(self, ask: _Ask, deadline: Deadline) -> Response:
        backend = GuardedBackend(deadline=deadline, allow_private=self._allow_private, resolver=self._resolver)
        url = httpcore2.URL(ask.target.url)
        defaults = {"user-agent": self._user_agent, "accept-encoding": ACCEPT_ENCODING, "connection": "close"}
        sent = list({**defaults, **ask.headers}.items())
        with (
            httpcore2.HTTPConnection(url.origin, ssl_context=self._tls, network_backend=backend) as connection,
            connection.stream(ask.method, url, headers=sent, content=ask.body) as answer,
        ):
            headers = _headers(answer.headers)
            body = self._body(ask, answer, headers)
        return Response(status=answer.status, headers=headers, body=body, url=ask.target.url)

    def _body(self, ask: _Ask, answer: httpcore2.Response, headers: Mapping[str, str]) -> bytes:
        followed = self._max_redirects and answer.status in _REDIRECTS and "location" in headers
        if followed or ask.method == "HEAD":
            return b""
        return read_body(answer.iter_stream(), headers.get("content-encoding", ""), max_bytes=self._max_bytes)


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _next(ask: _Ask, status: int, location: str) -> _Ask:
    """The request that a redirect leads to; credentials stay with their origin."""
    with contextlib.suppress(UnicodeError):  # Headers are read as latin-1; many servers mean UTF-8.
        location = location.encode("latin-1").decode("utf-8")
    target = read_target(location, base=ask.target)
    keep = status in _KEEP_METHOD or ask.method in ("GET", "HEAD")
    dropped = frozenset[str]() if keep else _BODY_HEADERS
    if target.origin != ask.target.origin:
        dropped |= ask.confined
    return _Ask(
        method=ask.method if keep else "GET",
        target=target,
        headers={name: value for name, value in ask.headers.items() if name not in dropped},
        body=ask.body if keep else None,
        confined=ask.confined,
    )
