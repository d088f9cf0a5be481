"""How long a whole request may still take."""

from __future__ import annotations

import time

from monitor.errors import TransientError


class Deadline:
    """One instant for name, connection, headers, body and redirects together."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._ends = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Seconds left, more than zero. Raises `TransientError` when none are."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TransientError(f"no whole answer within {self._timeout_s:g} s")
        return left
