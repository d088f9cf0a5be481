"""Bring dead letters back: what was refused goes its way again, once what was wrong with it, or with us, is mended.

A record of the bus goes to the topic that it came from, what a sender or a file gave goes through ingest. What would be
refused again stays a letter and makes no second one. Ids make a repeat harmless, and what was brought back once is
remembered, so that it costs nothing either. A crash in between repeats, never loses.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice

from monitor.domain import Message
from monitor.errors import InvalidRecordError
from monitor.ports import Producer, SourceStore
from pipelines import wire
from pipelines.letters import HeldLetter
from pipelines.sources.base import RawItem
from pipelines.sources.worker import Submit
from pipelines.topics import Topics

AT_ONCE = 200  #: Letters in hand; each may be half a megabyte.

ReadAgain = Callable[[bytes], RawItem]
"""Reads what a source gave, as its source would."""

Check = Callable[[RawItem, datetime], object]
"""Raises `InvalidRecordError` for an item that ingest would refuse."""


class Fate(StrEnum):
    """What became of a letter."""

    BROUGHT_BACK = "brought_back"
    STILL_REFUSED = "still_refused"  #: The cause is not gone.
    DONE_BEFORE = "done_before"
    LEFT = "left"  #: Its source has a form of its own: it is asked again anyway.
    ERASED = "erased"


class LetterReplay:
    """Brings letters back; one thread."""

    def __init__(
        self,
        *,
        store: SourceStore,
        producer: Producer,
        topics: Topics,
        submit: Submit,
        check: Check,
        readers: Mapping[str, ReadAgain],
    ) -> None:
        self._store = store
        self._producer = producer
        self._decoders = {topics.documents: wire.decode_document, topics.labels: wire.decode_label}
        self._submit = submit
        self._check = check
        self._readers = readers

    def run(self, letters: Iterable[HeldLetter], now: datetime) -> Counter[Fate]:
        """Bring back `letters`; raises `TransientError` when bus or store are away: begin again, nothing is lost."""
        fates: Counter[Fate] = Counter(dict.fromkeys(Fate, 0))
        rest = iter(letters)
        while chunk := list(islice(rest, AT_ONCE)):
            fates.update(self._bring_back({held.digest: held for held in chunk}, now))
        return fates

    def _bring_back(self, chunk: Mapping[str, HeldLetter], now: datetime) -> Iterable[Fate]:
        fates = marked(self._store, list(chunk))
        items: list[RawItem] = []
        messages: list[Message] = []
        for digest in chunk.keys() - fates.keys():
            letter = chunk[digest].letter
            try:
                if letter.topic is not None:
                    messages += self._message(chunk[digest])
                elif letter.source in self._readers:
                    items.append(self._item(letter.source or "", letter.value, now))
                else:
                    fates[digest] = Fate.LEFT
            except InvalidRecordError:
                fates[digest] = Fate.STILL_REFUSED
        if messages:
            self._producer.send(messages)
        if items:
            self._submit(items, now)
        back = [digest for digest in chunk if digest not in fates]
        self._store.mark_seen([_mark(Fate.BROUGHT_BACK, digest) for digest in back], at=now)
        return [fates.get(digest, Fate.BROUGHT_BACK) for digest in chunk]

    def _message(self, held: HeldLetter) -> Sequence[Message]:
        letter = held.letter
        decode = self._decoders.get(letter.topic or "")
        if decode is None:
            raise InvalidRecordError(f"no stage of this configuration reads topic {letter.topic}", reason="invalid")
        decode(letter.value)
        key = base64.b64decode(letter.key_base64 or "")
        return [Message(topic=letter.topic or "", key=key, value=letter.value)]

    def _item(self, source: str, value: bytes, now: datetime) -> RawItem:
        item = self._readers[source](value)
        self._check(item, now)
        return item


def marked(store: SourceStore, digests: Sequence[str]) -> dict[str, Fate]:
    """Those of `digests` that were brought back or erased before."""
    fates: dict[str, Fate] = {}
    for before, fate in ((Fate.BROUGHT_BACK, Fate.DONE_BEFORE), (Fate.ERASED, Fate.ERASED)):
        marks = {_mark(before, digest): digest for digest in digests}
        fresh = store.unseen(list(marks))
        fates |= {digest: fate for mark, digest in marks.items() if mark not in fresh}
    return fates


def mark_erased(store: SourceStore, digests: Sequence[str], now: datetime) -> None:
    """Remember letters that stand on the bus until it forgets them, so that nobody sees or brings them back."""
    store.mark_seen([_mark(Fate.ERASED, digest) for digest in digests], at=now)


def _mark(fate: Fate, digest: str) -> str:
    """Among the ids that ingest remembers, for as long: no sender's id looks like it."""
    return f"dead-letter:{fate.value}:{digest}"
