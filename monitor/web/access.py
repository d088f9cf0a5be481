"""Who may see what: credentials, names by which we may be asked, requests that another site makes a browser send.

In: the head of a request. Out: nothing, or the status and the words it is refused with. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from monitor.settings.web import WebSettings, is_loopback

OPEN_PATHS = ("/livez", "/readyz")  #: Health; without credentials it says yes or no and nothing else.
OPEN_PREFIX = "/verdicts/"  #: The link in a message is the permission.
API_PREFIX = "/api/"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request goes no further."""

    status: int
    error: str
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rules of one server."""

    token: str | None = None
    login: tuple[str, str] | None = None  #: User and password.
    everything: bool = False  #: Credentials for all but health and verdicts; else for `/api/` alone.
    own_names_only: bool = False  #: Asked by another name than loopback's, refuse: a page has bound its name to us.

    @classmethod
    def of(cls, settings: WebSettings) -> Self:
        """The rules that the settings make."""
        password = settings.password.get_secret_value() if settings.password else None
        login = (settings.username, password) if settings.username and password else None
        token = settings.token.get_secret_value() if settings.token else None
        local = is_loopback(settings.host)
        bare = local and not settings.behind_proxy and not (token or login)
        return cls(token=token, login=login, everything=not local, own_names_only=bare)

    @property
    def asks(self) -> bool:
        """True where there are credentials to ask for."""
        return self.token is not None or self.login is not None

    def wants_credentials(self, path: str) -> bool:
        """True when `path` is not for everybody."""
        if not self.asks or path in OPEN_PATHS or path.startswith(OPEN_PREFIX):
            return False
        return self.everything or path.startswith(API_PREFIX)

    def knows(self, headers: Headers) -> bool:
        """True for the right token or login. Compared in constant time, so that the time tells nothing of either."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.token is not None and _same(given.strip(), self.token)
        if scheme.lower() == "basic":
            return self.login is not None and _same(_decoded(given.strip()), ":".join(self.login))
        return False

    def misdirected(self, method: str, headers: Headers) -> Refusal | None:
        """The refusal of what a browser was led to send by another site."""
        host = headers.get("host", "")
        if self.own_names_only and host and not is_loopback(_name(host)):
            return Refusal(status=421, error="asked by a name that is not this server's; use localhost", headers={})
        if method in _SAFE_METHODS:
            return None
        origin = headers.get("origin", "null")  # "null": a form on a page of ours, which sends no referrer
        elsewhere = origin != "null" and _place(origin) != host.lower()
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") or elsewhere:
            return Refusal(status=403, error="another site's page may not do this", headers={})
        return None

    def unknown(self) -> Refusal:
        """The refusal of wrong or missing credentials."""
        ways = ["Bearer"] if self.token is not None else []
        ways += ['Basic realm="tapewatch", charset="UTF-8"'] if self.login is not None else []
        wanted = "a bearer token is required" if self.login is None else "a token or a login is required"
        return Refusal(status=401, error=wanted, headers={"WWW-Authenticate": ", ".join(ways)})


def _same(given: str, known: str) -> bool:
    # Digests are as long as each other, whatever was given.
    digests = [hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, known)]
    return hmac.compare_digest(*digests)


def _decoded(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str | None:
    """Name and port in an Origin header; None where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
