"""Logs are one line an event, hold no secrets, and are not flooded."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from monitor.logs import configure_logging
from monitor.settings import LoggingSettings

pytestmark = pytest.mark.usefixtures("logs_as_before")


def configured(**settings: Any) -> io.StringIO:
    """Configure, and return where the lines go."""
    out = io.StringIO()
    configure_logging(LoggingSettings(**settings), stream=out)
    return out


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """What was written, without what Kafka clients of other tests may still have to say."""
    written = [json.loads(line) for line in out.getvalue().splitlines()]
    return [line for line in written if not str(line.get("logger", "")).startswith("kafka")]


def test_an_event_is_one_json_line_off_a_terminal() -> None:
    """Log collectors read lines."""
    out = configured()
    structlog.get_logger("pipelines.stage").info("batch_classified", articles=3)
    (line,) = lines(out)
    assert (line["event"], line["articles"], line["level"], line["logger"]) == (
        "batch_classified", 3, "info", "pipelines.stage",
    )  # fmt: skip
    assert line["timestamp"].endswith("Z")


def test_console_lines_are_for_people() -> None:
    """No JSON, no colours off a terminal."""
    out = configured(format="console")
    structlog.get_logger("x").warning("source_failed", source="wire")
    assert out.getvalue().endswith("source_failed [x] source=wire\n")
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("said", ["\x1b]0;owned\x07", "a\x9b2Jb", "\u202egnp.exe", "x\ry", "spaced \x1b[31m red"])
def test_a_terminal_obeys_nothing_that_a_stranger_wrote(said: str) -> None:
    """A server's error may hold what clears a screen or names a window; a traceback too."""
    out = configured(format="console")
    structlog.get_logger("x").error("parse_failed", error=said, exc_info=ValueError(said))
    assert not any(c in out.getvalue() for c in "\x1b\x07\x9b\u202e\r")
    assert "parse_failed" in out.getvalue()


def test_the_level_holds_for_us_and_noisy_libraries_keep_to_warnings() -> None:
    """A client library must not bury the monitor's own lines."""
    out = configured(level="info")
    structlog.get_logger("a").debug("hidden")
    logging.getLogger("mail.log").info("hidden")
    logging.getLogger("mail.log").warning("node %s away", 1)
    assert [line["event"] for line in lines(out)] == ["node 1 away"]


def test_secrets_are_masked_wherever_they_stand() -> None:
    """In a key, in a URL, in a header, in a nested value and in a traceback."""
    out = configured()
    log = structlog.get_logger("a")
    log.info("a", password="hunter2", url="postgresql://tape:hunter2@db/x", tokens=51)
    log.info("b", headers={"Authorization": "hunter2", "x": ["Bearer hunter2"]}, key="whsec_hunter2")
    logging.getLogger("lib").warning("login at %s", "amqp://u:hunter2@h")
    try:
        int("postgresql://tape:hunter2@db/x")
    except ValueError:
        log.exception("c")
    assert "hunter2" not in out.getvalue()
    assert [line["event"] for line in lines(out)] == ["a", "b", "login at amqp://u:***@h", "c"]
    assert lines(out)[0]["tokens"] == 51
    assert "ValueError" in lines(out)[3]["exception"]


def test_a_message_in_a_loop_is_written_once() -> None:
    """A Kafka client once wrote a million lines in half a minute."""
    out = configured()
    for attempt in range(1000):
        # Not a kafka logger: clients of other tests may still write there, and the bus has a limit of its own on it.
        logging.getLogger("mail.log").warning("no broker, attempt %d", attempt)
    for _ in range(3):
        structlog.get_logger("a").info("ours")
    written = [line["event"] for line in lines(out)]
    assert [text for text in written if text.startswith(("no broker", "ours"))] == [
        "no broker, attempt 0", "ours", "ours", "ours",
    ]  # fmt: skip


def test_what_was_held_back_is_counted_in_the_next_line() -> None:
    """A flood must still show as one."""
    out = configured()
    for at in (100.0, 101.0, 102.0, 111.0):
        record = logging.makeLogRecord({"name": "mail.log", "msg": "away", "levelno": 30, "levelname": "WARNING"})
        record.created = at
        logging.getLogger("mail.log").handle(record)
    assert [line.get("repeated") for line in lines(out) if line["event"] == "away"] == [None, 2]
