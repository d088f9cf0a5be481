"""Limiting a talkative library."""

from __future__ import annotations

import logging

from pipelines.brokers.log_limit import LogLimit, limit_loggers


class Lines(logging.Handler):
    """Keeps what comes through."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_a_flood_is_cut_and_counted() -> None:
    """A client without its broker wrote a million lines in half a minute."""
    now_s = [0.0]
    logger, lines = logging.getLogger("flood_of_a_test"), Lines()
    logger.addHandler(lines)
    logger.addFilter(LogLimit(lines=3, span_s=60.0, now_s=lambda: now_s[0]))
    for n in range(1000):
        logger.warning("broker %s is away", n)
    assert lines.lines == ["broker 0 is away", "broker 1 is away", "broker 2 is away"]
    now_s[0] = 60.0
    logger.warning("broker %s is back", 1)
    assert lines.lines[3:] == ["broker 1 is back (997 more lines were left out before)"]


def test_each_logger_below_a_prefix_is_limited_once() -> None:
    """A logger's filter does not see the lines of its children."""
    parent, child = logging.getLogger("talkative_library"), logging.getLogger("talkative_library.net")
    other = logging.getLogger("talkative_library_of_another")
    limit_loggers("talkative_library")
    limit_loggers("talkative_library")
    assert [len(logger.filters) for logger in (parent, child, other)] == [1, 1, 0]
    assert child.getEffectiveLevel() == logging.WARNING
