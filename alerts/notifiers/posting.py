"""Post JSON to one address that the operator wrote, and say what the answer means.

2xx is delivered; 408, 425, 429 and 5xx are tried again, after `Retry-After` where one is given; any other answer,
redirects too, is final: a body is made for the address in the configuration and goes nowhere else. Errors name the
server but never the path, which is often a secret.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from urllib.parse import unquote, urlsplit, urlunsplit

from alerts.messages.plain import plain
from monitor.errors import PermanentError, TransientError
from monitor.net import HttpClient, Response
from monitor.ports import Clock

ANSWER_BYTES = 65536  #: Of the answer are read at most.
ANSWER_CHARS = 200  #: Of the answer are kept in the delivery log.
OK = range(200, 300)
TRY_AGAIN = frozenset({408, 425, 429})
SERVER_ERRORS = range(500, 600)


class Poster:
    """Posts to `url`; a login in it becomes a header."""

    def __init__(self, url: str, *, timeout_s: float, clock: Clock) -> None:
        self._url, self._headers = _split_login(url)
        self._clock = clock
        self._client = HttpClient(
            user_agent=f"tapewatch/{version('tapewatch')}",
            timeout_s=timeout_s,
            max_bytes=ANSWER_BYTES,
            max_redirects=0,
            allow_private=True,  # the operator wrote the address
        )

    def post(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Deliver; returns what the other side said. Raises `TransientError` or `PermanentError`."""
        sent = {**self._headers, **headers, "content-type": "application/json"}
        try:
            response = self._client.request("POST", self._url, headers=sent, body=body)
        except TransientError as err:
            raise TransientError(self._discreet(err), retry_after_s=err.retry_after_s) from err
        except PermanentError as err:
            raise PermanentError(self._discreet(err)) from err
        return self._judge(response)

    def _discreet(self, err: Exception) -> str:
        """The message without the address: its path is often a secret."""
        return plain(str(err).replace(self._url, urlsplit(self._url).netloc), ANSWER_CHARS)

    def _judge(self, response: Response) -> str:
        said = f"{response.status} {plain(response.body.decode('utf-8', 'replace'), ANSWER_CHARS)}".strip()
        if response.status in OK:
            return said
        if response.status in TRY_AGAIN or response.status in SERVER_ERRORS:
            wait_s = retry_after_s(response.headers.get("retry-after"), now=self._clock())
            raise TransientError(said, retry_after_s=wait_s)
        raise PermanentError(said)


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Read a `Retry-After` header, seconds or a date; None when there is none or it cannot be read."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)


def _split_login(url: str) -> tuple[str, dict[str, str]]:
    """Take `user:password@` out of an address: it goes into a header, not into requests, errors and logs."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, {}
    login, _, host = parts.netloc.rpartition("@")
    token = base64.b64encode(unquote(login).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"authorization": f"Basic {token}"}
