"""Rate limits as servers tell them: headers in, seconds to wait out; and which hosts have asked us to wait.

`Retry-After` holds seconds or an HTTP date. `X-RateLimit-Reset` and `RateLimit-Reset` hold seconds, an epoch in seconds
or milliseconds, RFC 3339 or an HTTP date: every API has its own. A wait is never longer than a day: more is a mistake,
or malice.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_WAIT_S = 86_400.0
_RESET = ("x-ratelimit-reset", "ratelimit-reset", "x-rate-limit-reset")
_REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining")
_EPOCH_S = 1e9  #: A number beyond is an instant, not a length of time.
_EPOCH_MS = 1e11


class HostWaits:
    """Which hosts asked to be left alone, and until when. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, datetime] = {}

    def ask_for(self, host: str, wait_s: float, *, now: datetime) -> None:
        """Leave `host` alone for so long."""
        with self._lock:
            self._until[host] = max(self._until.get(host, now), now + timedelta(seconds=wait_s))

    def left_s(self, host: str, *, now: datetime) -> float:
        """Seconds that `host` still is to be left alone; 0: it may be asked."""
        with self._lock:
            until = self._until.get(host)
            if until is not None and until <= now:
                del self._until[host]
                return 0.0
        return (until - now).total_seconds() if until else 0.0


def asked_wait_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The wait that an answer asks for; None when it says nothing."""
    wait_s = read_retry_after(headers.get("retry-after"), now=now)
    if wait_s is not None:
        return wait_s
    return next((wait_s for name in _RESET if (wait_s := read_reset(headers.get(name), now=now)) is not None), None)


def used_up(headers: Mapping[str, str]) -> bool:
    """True when an answer says that it was the last one for now."""
    return any((number := _number(headers.get(name))) is not None and number < 1 for name in _REMAINING)


def read_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date; at most a day; None when it says neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_WAIT_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return _until(at, now)


def read_reset(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from the time of a reset in any of its notations; at most a day; None when it is none."""
    number = _number(value)
    if number is not None:
        epoch_s = number / 1000 if number >= _EPOCH_MS else number
        wait_s = epoch_s - now.timestamp() if epoch_s >= _EPOCH_S else epoch_s
        return min(max(wait_s, 0.0), MAX_WAIT_S)
    try:
        return _until(datetime.fromisoformat((value or "").strip()), now)
    except ValueError:
        return read_retry_after(value, now=now)


def _until(at: datetime, now: datetime) -> float:
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), MAX_WAIT_S)


def _number(value: str | None) -> float | None:
    # "100, 100;w=60": a list of windows; the first is the one in force.
    text = (value or "").split(",")[0].split(";")[0].strip()
    try:
        number = float(text) if text.isascii() else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
