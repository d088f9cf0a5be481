"""Read the dead letters back: records of their topic in, letters out, each with its place.

A worker that was killed may have written a letter twice; both tell of one record, and the later one stands for both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from monitor.domain import Record
from monitor.errors import InvalidRecordError
from pipelines import wire
from pipelines.wire_records import DeadLetter

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLetter:
    """A dead letter and where it stands."""

    record: Record
    letter: DeadLetter

    @property
    def place(self) -> str:
        """Partition and offset in the topic of dead letters: by that people name it."""
        return f"{self.record.partition}/{self.record.offset}"

    @property
    def origin(self) -> str:
        """Where the refused record stood, or the source that it came from."""
        letter = self.letter
        return letter.source or "" if letter.topic is None else f"{letter.topic}/{letter.partition}/{letter.offset}"

    @property
    def digest(self) -> str:
        """Names the refused record, wherever its letter stands and however often it was written."""
        letter = self.letter
        where = letter.at.isoformat() if letter.topic is None else ""
        named = "\0".join((letter.stage, self.origin, where, letter.value_base64))
        return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters are meant; None is any."""

    stage: str | None = None
    reason: str | None = None
    source: str | None = None
    since: datetime | None = None  #: UTC.
    places: frozenset[str] = frozenset()  #: Empty: any.

    def __call__(self, held: HeldLetter) -> bool:
        """Whether `held` is meant."""
        letter = held.letter
        wanted = ((self.stage, letter.stage), (self.reason, letter.reason), (self.source, letter.source))
        return (
            all(want is None or want == has for want, has in wanted)
            and (self.since is None or letter.at >= self.since)
            and (not self.places or held.place in self.places)
        )


def read_letters(records: Iterable[Record]) -> Iterator[HeldLetter]:
    """The letters among `records`; an emptied record was erased, one that is no letter is named in the log."""
    for record in records:
        if not record.value:
            continue
        try:
            letter = wire.decode_dead_letter(record.value)
        except InvalidRecordError as err:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("dead_letter_unreadable", place=place, error=str(err))
            continue
        yield HeldLetter(record=record, letter=letter)
