"""URLs: read once, strictly, so that what is checked is what is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from monitor.errors import PermanentError

MAX_URL_CHARS = 8000
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
#: Left as they are in a path or query: what RFC 3986 allows there, and escapes that stand there already.
_SAFE = "%/:@!$&'()*+,;=-._~?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one request goes."""

    scheme: str  #: http or https.
    host: str  #: ASCII, without brackets.
    port: int
    path: str  #: Path and query, ASCII, begins with a slash.

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what credentials belong to."""
        return (self.scheme, self.host, self.port)

    @property
    def url(self) -> str:
        """The URL as it is asked for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def read_target(url: str, *, base: Target | None = None) -> Target:
    """Read `url`, relative to `base` where given. Raises `PermanentError` when it may not be asked for."""
    try:
        parts = urlsplit(urljoin(base.url, url.strip()) if base else url.strip())
        port = parts.port
        host = parts.hostname or ""
    except ValueError as err:
        raise PermanentError(f"not a URL: {err}") from err
    if len(url) > MAX_URL_CHARS:
        raise PermanentError(f"URL longer than {MAX_URL_CHARS} characters")
    if parts.scheme not in _PORTS:
        raise PermanentError(f"scheme {parts.scheme[:20]!r} is not allowed; only http and https are")
    if "@" in parts.netloc:
        raise PermanentError("a user or password in a URL is not allowed")
    return Target(scheme=parts.scheme, host=_host(host), port=port or _PORTS[parts.scheme], path=_path(parts))


def _path(parts: SplitResult) -> str:
    """Path and query in ASCII."""
    try:
        query = quote(parts.query, safe=_SAFE)
        return quote(parts.path or "/", safe=_SAFE) + (f"?{query}" if query else "")
    except UnicodeError as err:  # half of a surrogate pair, which JSON can hold and no request
        raise PermanentError("not a URL: it holds what no encoding can write") from err


def _host(host: str) -> str:
    """The host in ASCII, lower case; international names in their `xn--` form."""
    if ":" in host and _IPV6.fullmatch(host):
        return host
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as err:
        raise PermanentError("not a host name in the URL") from err
    if not _HOST.fullmatch(ascii_host):
        raise PermanentError("not a host name in the URL")
    return ascii_host
