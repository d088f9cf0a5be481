"""Dead letters read back, chosen and brought back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from monitor.app.dead_letters import printable
from monitor.domain import Message, Record
from monitor.errors import InvalidRecordError, TransientError
from pipelines import wire
from pipelines.letter_replay import Fate, LetterReplay, mark_erased, marked
from pipelines.letters import HeldLetter, LetterFilter, read_letters
from pipelines.sources.base import RawItem
from pipelines.sources.submission import Defaults, read_submission
from pipelines.topics import Topics
from tests.fixtures.stores import label

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOPICS = Topics(prefix="t")
DOCUMENT = wire.encode_document(label("d").document)
FINE = b'{"published_at": "2026-03-02T09:00:00Z", "text": "Acme falls"}'


class Memory:
    """Stands for the store: which ids were marked."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def unseen(self, ids: Sequence[str]) -> set[str]:
        return set(ids) - self.ids

    def mark_seen(self, ids: Collection[str], *, at: datetime) -> None:
        self.ids |= set(ids)


class World:
    """A replay between fakes that keep what they get."""

    def __init__(self) -> None:
        self.store = Memory()
        self.sent: list[Message] = []
        self.items: list[RawItem] = []
        self.is_away = False
        defaults = Defaults(origin="push", source="wire")
        self.replay = LetterReplay(
            store=self.store,  # type: ignore[arg-type]
            producer=self,
            topics=TOPICS,
            submit=self.submit,  # type: ignore[arg-type]
            check=self.check,
            readers={"push": partial(read_submission, defaults=defaults)},
        )

    def send(self, messages: Sequence[Message]) -> None:
        if self.is_away:
            raise TransientError("away")
        self.sent += messages

    def close(self) -> None:
        pass

    def submit(self, items: Sequence[RawItem], now: datetime) -> None:
        self.items += items

    def check(self, item: RawItem, now: datetime) -> None:
        if item.refusal:
            raise InvalidRecordError(item.refusal)

    def run(self, *held: HeldLetter) -> dict[Fate, int]:
        return {fate: count for fate, count in self.replay.run(held, T0).items() if count}


def refused(
    value: bytes, *, topic: str = TOPICS.documents, offset: int = 5, reason: str = "model_failed"
) -> HeldLetter:
    """The letter of a record of the bus."""
    record = Record(topic=topic, partition=1, offset=offset, key=b"story", value=value)
    error = InvalidRecordError("why", reason="model_failed")
    return held(wire.encode_dead_letter(record, error, stage="classify", at=T0), offset)


def given(value: bytes, *, source: str = "push", offset: int = 9, at: datetime = T0) -> HeldLetter:
    """The letter of what a source gave."""
    error = InvalidRecordError("why", reason="schema")
    return held(wire.encode_refusal(value, error, source=source, at=at), offset)


def held(value: bytes, offset: int) -> HeldLetter:
    """As read from its topic."""
    return next(read(Record(topic=TOPICS.dead_letters, partition=0, offset=offset, key=b"", value=value)))


def read(*records: Record) -> Iterator[HeldLetter]:
    """Through the reader."""
    return read_letters(records)


def test_a_letter_that_cannot_be_read_hides_no_other() -> None:
    """Emptied ones were erased; a foreign record is named in the log."""
    records = [Record(topic="t", partition=0, offset=n, key=b"", value=v) for n, v in enumerate((b"", b"{", b"[]"))]
    good = refused(DOCUMENT).record
    assert [found.place for found in read(*records, good)] == ["0/5"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (LetterFilter(), 2),
        (LetterFilter(stage="classify"), 1),
        (LetterFilter(reason="schema"), 1),
        (LetterFilter(source="push"), 1),
        (LetterFilter(source="wire"), 0),
        (LetterFilter(since=T0), 2),
        (LetterFilter(since=T0 + timedelta(seconds=1)), 0),
        (LetterFilter(places=frozenset({"0/9"})), 1),
        (LetterFilter(places=frozenset({"0/9"}), stage="classify"), 0),
    ],
)
def test_letters_are_chosen_by_all_that_is_asked(wanted: LetterFilter, count: int) -> None:
    """Each condition that is given must hold."""
    assert len(list(filter(wanted, [refused(DOCUMENT), given(FINE)]))) == count


def test_a_record_goes_back_where_it_came_from() -> None:
    """Its bytes and key unchanged, so that it lands in its partition."""
    world = World()
    assert world.run(refused(DOCUMENT)) == {Fate.BROUGHT_BACK: 1}
    assert world.sent == [Message(topic=TOPICS.documents, key=b"story", value=DOCUMENT)]


def test_what_a_sender_gave_goes_through_ingest() -> None:
    """It was never on the bus."""
    world = World()
    assert world.run(given(FINE)) == {Fate.BROUGHT_BACK: 1}
    assert [item.text for item in world.items] == ["Acme falls"]
    assert world.sent == []


def test_what_would_be_refused_again_makes_no_second_letter() -> None:
    """The cause is not gone: it stays where it is, and can be tried again."""
    world = World()
    letters = (refused(b"{"), given(b"{"), refused(DOCUMENT, topic="elsewhere", offset=6))
    assert world.run(*letters) == {Fate.STILL_REFUSED: 3}
    assert (world.sent, world.items, world.store.ids) == ([], [], set())


def test_a_source_with_a_form_of_its_own_is_left_to_it() -> None:
    """A feed gives the item again by itself."""
    world = World()
    assert world.run(given(FINE, source="a-feed")) == {Fate.LEFT: 1}
    assert world.items == []


def test_a_repeat_costs_nothing() -> None:
    """Nothing is sent a second time; two letters of one record are one."""
    world = World()
    twice = (refused(DOCUMENT, offset=5), given(FINE))
    assert world.run(*twice, twice[0]) == {Fate.BROUGHT_BACK: 2}
    assert world.run(*twice) == {Fate.DONE_BEFORE: 2}
    assert (len(world.sent), len(world.items)) == (1, 1)


def test_refused_anew_is_another_letter() -> None:
    """A record that failed again stands elsewhere and can be brought back again; so can a second push."""
    world = World()
    world.run(refused(DOCUMENT, offset=5), given(FINE))
    later = given(FINE, at=T0 + timedelta(seconds=1))
    assert world.run(refused(DOCUMENT, offset=8), later) == {Fate.BROUGHT_BACK: 2}


def test_a_bus_that_is_away_loses_nothing() -> None:
    """What was not acknowledged is not remembered as done."""
    world = World()
    world.is_away = True
    with pytest.raises(TransientError):
        world.run(refused(DOCUMENT))
    world.is_away = False
    assert world.run(refused(DOCUMENT)) == {Fate.BROUGHT_BACK: 1}


def test_what_was_erased_does_not_come_back() -> None:
    """Though Kafka keeps the letter until its retention is over."""
    world = World()
    letter = refused(DOCUMENT)
    mark_erased(world.store, [letter.digest], T0)  # type: ignore[arg-type]
    assert marked(world.store, [letter.digest]) == {letter.digest: Fate.ERASED}  # type: ignore[arg-type]
    assert world.run(letter) == {Fate.ERASED: 1}
    assert world.sent == []


def test_more_than_a_handful_are_brought_back_in_their_order_of_chunks() -> None:
    """Bounded memory, every letter once."""
    world = World()
    letters = [refused(DOCUMENT, offset=n) for n in range(450)]
    assert world.run(*letters) == {Fate.BROUGHT_BACK: 450}
    assert len(world.sent) == 450


def test_what_is_shown_cannot_steer_a_terminal() -> None:
    """A refused text is a stranger's."""
    assert printable("a\x1b[2J\u202eb\x9b\n") == "a\\u001b[2J\\u202eb\\u009b\\u000a"
    assert printable("Börse 股") == "Börse 股"
