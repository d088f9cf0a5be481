"""Refused records: separate them from the good ones of a batch, and write each whole, with its reason, to its topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from monitor.domain import REJECT_REASONS, Message, Record
from monitor.errors import InvalidRecordError
from monitor.metrics import StageMetrics
from pipelines import wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record and why it was refused."""

    record: Record
    error: InvalidRecordError


def split(batch: Sequence[Record], decode: Callable[[bytes], T]) -> tuple[list[tuple[Record, T]], list[Refused]]:
    """Decode `batch`: the readable records with their values, in order, and the refused ones.

    A record without content was erased: it is passed over.
    """
    good: list[tuple[Record, T]] = []
    refused: list[Refused] = []
    for record in batch:
        if not record.value:
            continue
        try:
            good.append((record, decode(record.value)))
        except InvalidRecordError as err:
            refused.append(Refused(record=record, error=err))
    return good, refused


class DeadLetters:
    """The refusals of one stage, as messages and as a metric."""

    def __init__(self, *, stage: str, topic: str, metrics: StageMetrics) -> None:
        self._stage = stage
        self._topic = topic
        self._metrics = metrics

    def messages(self, refused: Sequence[Refused], *, now: datetime) -> list[Message]:
        """One message a refusal; its key is the place it came from, so that a repeat lands beside the first."""
        return [self._message(item, now) for item in refused]

    def count(self, refused: Sequence[Refused]) -> None:
        """Count `refused`; call it once the messages are acknowledged."""
        for item in refused:
            # The reason labels a metric: a reason from nowhere must not open a new series.
            reason = item.error.reason if item.error.reason in REJECT_REASONS else "invalid"
            self._metrics.rejected.labels(stage=self._stage, reason=reason).inc()

    def _message(self, item: Refused, now: datetime) -> Message:
        record = item.record
        key = f"{record.topic}/{record.partition}/{record.offset}".encode()
        value = wire.encode_dead_letter(record, item.error, stage=self._stage, at=now)
        return Message(topic=self._topic, key=key, value=value)
