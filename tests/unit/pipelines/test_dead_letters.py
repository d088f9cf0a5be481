"""Refused records."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from monitor.domain import Record
from monitor.errors import InvalidRecordError
from monitor.metrics import StageMetrics
from pipelines import wire
from pipelines.dead_letters import DeadLetters, Refused, split

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def record(offset: int, value: bytes) -> Record:
    """A record of topic `t`, partition 3."""
    return Record(topic="t", partition=3, offset=offset, key=b"\xff", value=value)


def number(value: bytes) -> int:
    """Decode, or refuse."""
    try:
        return int(value)
    except ValueError as err:
        raise InvalidRecordError(f"not a number: {value!r}", reason="schema") from err


def test_one_bad_record_does_not_take_the_batch_with_it() -> None:
    """The good ones keep their order and their records."""
    batch = [record(0, b"10"), record(1, b"x"), record(2, b"12")]
    good, refused = split(batch, number)
    assert good == [(batch[0], 10), (batch[2], 12)]
    assert [(item.record, item.error.reason) for item in refused] == [(batch[1], "schema")]


def test_a_dead_letter_tells_everything() -> None:
    """It can be looked at, repaired and sent again: original bytes, reason, and the place it came from."""
    letters = DeadLetters(stage="classify", topic="dead", metrics=StageMetrics(CollectorRegistry()))
    refused = Refused(record=record(7, b"\x00\xfe raw"), error=InvalidRecordError("why", reason="malformed_json"))
    [message] = letters.messages([refused], now=NOW)
    letter = wire.decode_dead_letter(message.value)
    assert (message.topic, message.key) == ("dead", b"t/3/7")
    assert (letter.stage, letter.reason, letter.detail) == ("classify", "malformed_json", "why")
    assert (letter.topic, letter.partition, letter.offset, letter.at) == ("t", 3, 7, NOW)
    assert letter.value == b"\x00\xfe raw"


def test_refusals_are_counted_by_reason_from_a_closed_set() -> None:
    """A reason made up on the way must not open a new time series."""
    registry = CollectorRegistry()
    letters = DeadLetters(stage="classify", topic="dead", metrics=StageMetrics(registry))
    errors = [InvalidRecordError("a", reason="schema"), InvalidRecordError("b", reason="made up")]
    letters.count([Refused(record=record(0, b""), error=error) for error in errors])

    def counted(reason: str) -> float | None:
        return registry.get_sample_value("tapewatch_dead_letters_total", {"stage": "classify", "reason": reason})

    assert (counted("schema"), counted("invalid"), counted("made up")) == (1, 1, None)
