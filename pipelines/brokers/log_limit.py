"""Keep a talkative library from filling the log: so many lines per span and logger, then a count of what was left out.

A broker that is away makes a Kafka client write the same warning for ever, many times a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

LINES = 10  #: Lines of one logger that pass in one span.
SPAN_S = 60.0


class LogLimit(logging.Filter):
    """A filter for one logger; the first line of a span tells how many were left out before it."""

    def __init__(
        self, *, lines: int = LINES, span_s: float = SPAN_S, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._lines = lines
        self._span_s = span_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._span_started_s = float("-inf")
        self._passed = 0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """True: the line passes."""
        with self._lock:
            if self._now_s() - self._span_started_s >= self._span_s:
                left_out, self._left_out = self._left_out, 0
                self._span_started_s, self._passed = self._now_s(), 0
                if left_out:
                    record.msg = f"{record.getMessage()} ({left_out} more lines were left out before)"
                    record.args = None
            self._passed += 1
            if self._passed <= self._lines:
                return True
            self._left_out += 1
            return False


def limit_loggers(prefix: str) -> None:
    """Put a limit on every logger that exists under `prefix`, once each, and leave out what is below a warning."""
    logging.getLogger(prefix).setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        inside = name == prefix or name.startswith(f"{prefix}.")
        # A logger's filters see its own lines only, not those of loggers below it: each needs one.
        if inside and not any(isinstance(each, LogLimit) for each in logger.filters):
            logger.addFilter(LogLimit())
