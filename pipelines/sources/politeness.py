"""Politeness: the least time between two requests to one host, over all threads of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class HostPoliteness:
    """Hands out turns. A caller waits for its own turn only, so hosts do not hold up each other."""

    def __init__(
        self,
        interval_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_turn: dict[str, float] = {}
        self._longer_s: dict[str, float] = {}  #: Hosts that ask for more than the interval.

    def keep_distance(self, host: str, interval_s: float) -> None:
        """Leave at least so much time between two requests to `host`."""
        with self._lock:
            self._longer_s[host] = max(interval_s, self._longer_s.get(host, 0.0))

    def wait(self, host: str) -> float:
        """Return when it is this caller's turn at `host`; gives the seconds waited."""
        wait_s = self._reserve(host)
        if wait_s > 0:
            self._sleep(wait_s)
        return wait_s

    def _reserve(self, host: str) -> float:
        with self._lock:
            now = self._clock()
            turn = max(now, self._next_turn.get(host, now))
            self._next_turn[host] = turn + max(self._interval_s, self._longer_s.get(host, 0.0))
            return turn - now
