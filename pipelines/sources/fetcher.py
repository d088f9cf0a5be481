"""The one way to fetch for a source: a turn at the host, one request through the network door, an answer of use.

In: a URL and headers. Out: an answer whose status is one of success or "nothing new"; every other is an error that
says whether to come again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from monitor.errors import PermanentError, TransientError
from monitor.net import HttpClient, Response
from pipelines.sources.politeness import HostPoliteness

MAX_RETRY_AFTER_S = 86_400.0  #: A longer wait is a mistake, or malice.
NOTHING_NEW = frozenset({204, 304})  #: Statuses of an answer that says so.

_OK = frozenset({200, 203, 226})
_TRY_LATER = frozenset({408, 421, 425, 429})


class Fetcher:
    """Fetches for any number of sources and threads; every request obeys the same network rules."""

    def __init__(self, client: HttpClient, politeness: HostPoliteness) -> None:
        self._client = client
        self._politeness = politeness

    def get(self, url: str, *, headers: Mapping[str, str], now: datetime) -> Response:
        """Ask `url` once, when it is the host's turn.

        Raises `TransientError` for an answer that may be better later, `PermanentError` for one that will not.
        """
        self._politeness.wait(urlsplit(url).hostname or "")
        response = self._client.request("GET", url, headers=dict(headers))
        _check_status(response, now)
        return response


def _check_status(response: Response, now: datetime) -> None:
    status = response.status
    if status in _OK or status in NOTHING_NEW:
        return
    if status in _TRY_LATER or status >= 500:  # noqa: PLR2004 - HTTP's own number
        raise TransientError(
            f"HTTP {status}", retry_after_s=read_retry_after(response.headers.get("retry-after"), now=now)
        )
    raise PermanentError(f"HTTP {status}")


def read_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date; at most a day; None when it says neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
