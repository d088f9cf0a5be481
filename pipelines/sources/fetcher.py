"""The one way to fetch for a source: a turn at the host, one request through the network door, an answer of use.

In: a URL and headers. Out: an answer whose status is one of success or "nothing new"; every other is an error that
says whether to come again. A host whose rate limit is used up is not asked before the time that it named, by no source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from monitor.errors import PermanentError, TransientError
from monitor.net import HttpClient, Response
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.rate_limits import HostWaits, asked_wait_s, read_retry_after, used_up

NOTHING_NEW = frozenset({204, 304})  #: Statuses of an answer that says so.

_OK = frozenset({200, 203, 226})
_TRY_LATER = frozenset({408, 421, 425})
_FORBIDDEN = 403  #: What some servers answer in place of 429.
_TOO_MANY = 429
_LIMITS = frozenset({_TOO_MANY, 503})


class StatusError(PermanentError):
    """The server refused, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Fetcher:
    """Fetches for any number of sources and threads; every request obeys the same network rules."""

    def __init__(self, client: HttpClient, politeness: HostPoliteness) -> None:
        self._client = client
        self._politeness = politeness
        self._waits = HostWaits()

    def get(self, url: str, *, headers: Mapping[str, str], now: datetime, confined: Collection[str] = ()) -> Response:
        """Ask `url` once, when it is the host's turn; headers named in `confined` never follow a redirect elsewhere.

        Raises `TransientError` for an answer that may be better later, `PermanentError` for one that will not.
        """
        host = urlsplit(url).hostname or ""
        if left_s := self._waits.left_s(host, now=now):
            raise TransientError(f"{host}: rate limit used up, free again in {left_s:.0f} s", retry_after_s=left_s)
        self._politeness.wait(host)
        response = self._client.request("GET", url, headers=dict(headers), confined=confined)
        self._note_limit(host, response, now)
        _check_status(response, now)
        return response

    def keep_distance(self, host: str, interval_s: float) -> None:
        """Leave at least so much time between two requests to `host`, where its rules ask for more than ours."""
        self._politeness.keep_distance(host, interval_s)

    def _note_limit(self, host: str, response: Response, now: datetime) -> None:
        if response.status == _TOO_MANY or used_up(response.headers):
            self._waits.ask_for(host, asked_wait_s(response.headers, now=now) or 0.0, now=now)


def _check_status(response: Response, now: datetime) -> None:
    status, headers = response.status, response.headers
    if status in _OK or status in NOTHING_NEW:
        return
    if status in _LIMITS or (status == _FORBIDDEN and used_up(headers)):
        raise TransientError(f"HTTP {status}", retry_after_s=asked_wait_s(headers, now=now))
    if status in _TRY_LATER or status >= 500:  # noqa: PLR2004 - HTTP's own number
        # The reset of a limit is no promise that what broke is mended by then.
        raise TransientError(f"HTTP {status}", retry_after_s=read_retry_after(headers.get("retry-after"), now=now))
    raise StatusError(status)
