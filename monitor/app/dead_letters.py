"""`tapewatch dead-letters`: look at what was refused, and bring it back once the cause is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

import msgspec
from prometheus_client import CollectorRegistry

from monitor.app.clock import utc_now
from monitor.app.workshop import Workshop
from monitor.errors import InvalidRecordError
from monitor.settings import FileSource, JsonSource, KafkaSource, Settings
from pipelines.documents import build_document
from pipelines.letter_replay import Fate, LetterReplay, ReadAgain, marked
from pipelines.letters import HeldLetter, LetterFilter, read_letters
from pipelines.sources.base import RawItem
from pipelines.sources.json_fields import ItemReader
from pipelines.sources.push import PUSH
from pipelines.sources.submission import Defaults, read_submission

Row = dict[str, object]


@contextmanager
def open_workshop(settings: Settings, name: str) -> Iterator[Workshop]:
    """What a verb needs of a running monitor, released at the end; `name` tells it from a daemon."""
    workshop = Workshop(settings, clock=utc_now, registry=CollectorRegistry(), worker=name)
    try:
        yield workshop
    finally:
        workshop.close()


def letters(workshop: Workshop, wanted: LetterFilter) -> Iterator[HeldLetter]:
    """The letters on the bus that are meant."""
    return filter(wanted, read_letters(workshop.broker.scan(workshop.topics.dead_letters)))


def list_letters(settings: Settings, wanted: LetterFilter) -> list[Row]:
    """One row a refused record, the latest first; without the bytes, of which there may be many."""
    rows: dict[str, Row] = {}
    with open_workshop(settings, "dead-letters") as workshop:
        rows.update((held.digest, _row(held)) for held in letters(workshop, wanted))
        fates = marked(workshop.store, list(rows))
    for digest, fate in fates.items():
        rows[digest]["brought_back"] = fate is Fate.DONE_BEFORE
    shown = [row for digest, row in rows.items() if fates.get(digest) is not Fate.ERASED]
    return sorted(shown, key=lambda row: str(row["at"]), reverse=True)


def find_letter(settings: Settings, place: str) -> Row | None:
    """One letter whole: its row and the bytes that were refused."""
    with open_workshop(settings, "dead-letters") as workshop:
        for held in letters(workshop, LetterFilter(places=frozenset({place}))):
            if marked(workshop.store, [held.digest]).get(held.digest) is Fate.ERASED:
                return None
            return _row(held) | _value(held.letter.value)
    return None


def replay_letters(settings: Settings, wanted: LetterFilter) -> Counter[Fate]:
    """Bring back what is meant; how many letters met which fate."""
    with open_workshop(settings, "dead-letters") as workshop, workshop.ingest() as ingest:
        limits, linker = settings.ingest.documents, workshop.linker
        with closing(workshop.broker.producer()) as producer:
            replay = LetterReplay(
                store=workshop.store,
                producer=producer,
                topics=workshop.topics,
                submit=ingest.submit,
                check=lambda item, now: build_document(item, seen_at=now, limits=limits, linker=linker),
                readers=readers(settings),
            )
            return replay.run(letters(workshop, wanted), workshop.clock())


def readers(settings: Settings) -> Mapping[str, ReadAgain]:
    """How to read again what each source gave, for those whose items stand in a letter as they were sent."""
    found: dict[str, ReadAgain] = {PUSH: partial(read_submission, defaults=Defaults(origin=PUSH, source=None))}
    for source in settings.sources:
        if isinstance(source, (FileSource, KafkaSource)):
            given = Defaults(origin=source.name, source=source.name, source_class=source.source_class)
            found[source.name] = partial(read_submission, defaults=given)
        elif isinstance(source, JsonSource):
            found[source.name] = partial(_read_json, ItemReader(source, ids=source.name))
    return found


def _read_json(reader: ItemReader, value: bytes) -> RawItem:
    try:
        item = reader.read(msgspec.json.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise InvalidRecordError(f"not JSON: {err}", reason="malformed_json") from err
    if item is None:
        raise InvalidRecordError("none of the source's items", reason="invalid")
    return item


def _row(held: HeldLetter) -> Row:
    letter = held.letter
    return {
        "place": held.place,
        "at": letter.at,
        "stage": printable(letter.stage),
        "reason": printable(letter.reason),
        "origin": printable(held.origin),
        "detail": printable(letter.detail),
        "bytes": len(letter.value),
        "brought_back": False,
    }


def _value(value: bytes) -> Row:
    try:
        return {"text": printable(value.decode())}
    except UnicodeDecodeError:
        return {"text": printable(value.decode("utf-8", "backslashreplace"))}


def printable(text: str) -> str:
    """`text` with what could steer a terminal written out: it was refused, and may be hostile."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
