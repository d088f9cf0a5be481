"""Replay: a tick sees exactly what had been published by then; ticks are skipped only when nothing can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from monitor.domain import (
    AlertState,
    Document,
    Label,
    Partition,
    Prediction,
    Probabilities,
    Record,
    SeriesKey,
    SourceClass,
    Transition,
)  # fmt: skip
from monitor.ports import Tick
from pipelines import wire
from pipelines.replay import LONGEST_TAIL, Line, Replay, ReplayReport
from pipelines.sources.base import RawItem

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Bus:
    """Moves records from ingest straight to the aggregate consumer; labels are made on the way."""

    def __init__(self) -> None:
        self.waiting: list[Record] = []
        self.committed: dict[Partition, int] = {}
        self.offset = 0

    def submit(self, items: Sequence[RawItem], now: datetime) -> int:
        for item in items:
            assert isinstance(item.published_at, datetime)
            self.waiting.append(record(self.offset, item.published_at))
            self.offset += 1
        return 0

    def poll(self, timeout_s: float) -> Sequence[Record]:
        batch, self.waiting = self.waiting, []
        return batch

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        self.committed.update(next_offsets)

    def rewind(self) -> None:
        """Not used."""

    def idle(self, wait_s: float) -> None:
        """Not used."""

    def lag(self) -> Mapping[Partition, int]:
        return {}

    def close(self) -> None:
        """Nothing to release."""


class Nothing(Bus):
    """The classify line: labels are made by `Bus.submit` already."""

    def poll(self, timeout_s: float) -> Sequence[Record]:
        return []


class Journal:
    """Aggregate stage and ticker in one: notes what was counted before which tick."""

    name = "journal"

    def __init__(self, *, busy_until: datetime = T0) -> None:
        self.lines: list[str] = []
        self._busy_until = busy_until
        self._at = T0

    def handle(self, batch: Sequence[Record], now: datetime) -> None:
        for one in batch:
            self.lines.append(f"count {wire.decode_label(one.value).document.published_at:%H:%M:%S}")

    @property
    def idle(self) -> bool:
        return self._at >= self._busy_until

    def tick(self, at: datetime) -> Tick:
        self._at = at
        self.lines.append(f"tick {at:%H:%M:%S}")
        fired = [transition(at)] if len(self.lines) == 2 else []
        return Tick(at=at, alerts=[], transitions=fired, groups=[], notifications=[], baselines=[])


def transition(at: datetime) -> Transition:
    """A transition to firing."""
    return Transition(
        fingerprint="f", rule="r", series=SeriesKey(), before=AlertState.NORMAL, after=AlertState.FIRING, at=at
    )


def record(offset: int, at: datetime) -> Record:
    """A label record of a document published at `at`."""
    document = Document(
        id=f"d{offset}", source="w", source_class=SourceClass.NEWS, published_at=at, seen_at=at, text="t"
    )
    probabilities = Probabilities(negative=0.8, neutral=0.1, positive=0.1)
    prediction = Prediction(topic="Macro", topic_probability=0.5, probabilities=probabilities, model="m")
    value = wire.encode_label(Label(document=document, prediction=prediction, labeled_at=at))
    return Record(topic="labels", partition=0, offset=offset, key=None, value=value)


def replay(journal: Journal, *seconds: int) -> tuple[ReplayReport, Bus]:
    """Replay documents published so many seconds after T0."""
    bus = Bus()
    made = Replay(
        submit=bus.submit,
        classify=Line(stage=journal, consumer=Nothing()),
        aggregate=Line(stage=journal, consumer=bus),
        ticker=journal,
        every=MINUTE,
        on_progress=lambda report: None,
    )
    items = [
        RawItem(source="w", source_class=SourceClass.NEWS, raw=b"", published_at=T0 + timedelta(seconds=s))
        for s in seconds
    ]
    return made.run(items, now=T0 + timedelta(days=9)), bus


def test_a_tick_sees_all_that_was_published_before_it_and_nothing_after() -> None:
    """A document at the very instant of a tick belongs to the next."""
    journal = Journal(busy_until=T0 + 2 * MINUTE)

    replay(journal, 1, 59, 60, 61)

    assert journal.lines == [
        "count 15:00:01", "count 15:00:59", "tick 15:01:00", "count 15:01:00", "count 15:01:01", "tick 15:02:00",
    ]  # fmt: skip


def test_ticks_at_which_nothing_can_change_are_passed_over() -> None:
    """A night without news costs nothing; the tick after the next document still sees it."""
    journal = Journal()

    replay(journal, 1, 7205)

    assert journal.lines == ["count 15:00:01", "tick 15:01:00", "count 17:00:05", "tick 17:01:00"]


def test_every_tick_is_evaluated_while_something_is_active() -> None:
    """An alert resolves at the tick at which it would have live, documents or not."""
    journal = Journal(busy_until=T0 + 4 * MINUTE)

    report, _ = replay(journal, 1)

    assert [line for line in journal.lines if line.startswith("tick")] == [
        "tick 15:01:00", "tick 15:02:00", "tick 15:03:00", "tick 15:04:00",
    ]  # fmt: skip
    assert report.ticks == 4
    assert [t.at for t in report.transitions] == [T0 + MINUTE]


def test_what_never_ends_is_followed_for_a_week() -> None:
    """A replay ends, whatever the rules say."""
    journal = Journal(busy_until=T0 + timedelta(days=365))

    report, bus = replay(journal, 1)

    assert report.ticks == LONGEST_TAIL // MINUTE + 1
    assert set(bus.committed.values()) == {1}
