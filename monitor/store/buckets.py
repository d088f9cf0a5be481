"""Count labels exactly once in effect: counts, stories, evidence and consumer offsets in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from sqlalchemy import Connection

from monitor.domain import COUNT_FIELDS, BucketKey, Counts, Label, Partition
from monitor.ports import AddResult, Guard, OffsetSpan, Tally
from monitor.store.authors import meet_authors
from monitor.store.bulk import add_rows
from monitor.store.engine import Database
from monitor.store.evidence import evidence_rows, mention_rows
from monitor.store.offsets import advance, raise_watermark, read_positions, read_watermark
from monitor.store.part import Part
from monitor.store.schema import buckets, evidence, mentions
from monitor.store.stories import OpenStories, keep_uncounted
from monitor.store.tellings import Told, possible_slots, speeches, tell
from monitor.store.values import storable, to_micros
from monitor.store.voices import settle_slots, take_slots


class Buckets(Part):
    """Counts, evidence and consumer offsets."""

    def __init__(self, database: Database, *, lateness: timedelta) -> None:
        super().__init__(database)
        self._lateness = lateness

    def positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Next offsets as stored with the counts; partitions never counted are left out."""
        with self._database.read() as tx:
            return read_positions(tx, group, partitions)

    def add(
        self,
        *,
        group: str,
        spans: Mapping[Partition, OffsetSpan],
        labels: Sequence[Label],
        tally: Tally,
        now: datetime,
        guard: Guard | None = None,
    ) -> AddResult:
        """Count `labels` and advance the offsets, all or nothing; without `guard` nothing is held back.

        The fence comes first, so a stale worker waits for nothing else; then every table in the same order and every
        row in the order of its key, so that no two workers wait for each other.
        """
        if labels and not spans:
            raise ValueError("labels come from records: name the spans of their partitions")
        with self._database.write() as tx:
            advance(tx, group, spans)
            before = read_watermark(tx)
            fresh = keep_uncounted(tx, labels, now=now)
            told = _tell(tx, fresh, guard, now=now)
            authors = meet_authors(tx, fresh, guard) if guard else {}
            _add_counts(tx, tally(fresh, told.tellings))
            add_rows(tx, evidence, evidence_rows(fresh, told.tellings))
            add_rows(tx, mentions, mention_rows(fresh, told.tellings))
            if fresh:
                raise_watermark(tx, group, spans, max(label.document.published_at for label in fresh))
        return AddResult(
            counted=len(fresh),
            repeated=len(labels) - len(fresh),
            late=self._late(fresh, before),
            stories=told.stories,
            held_back={reason: len(ids) for reason, ids in told.held_back.items()},
            authors=authors,
        )

    def watermark(self) -> datetime | None:
        """The latest `published_at` counted, over all partitions; None before the first."""
        with self._database.read() as tx:
            return read_watermark(tx)

    def _late(self, labels: Sequence[Label], watermark: datetime | None) -> int:
        if watermark is None:
            return 0
        return sum(label.document.published_at < watermark - self._lateness for label in labels)


_numbers = attrgetter(*COUNT_FIELDS)  #: Of counts, in the order of the fields.


def _tell(tx: Connection, labels: Sequence[Label], guard: Guard | None, *, now: datetime) -> Told:
    """Let `labels` tell their stories as far as `guard` lets them, and remember what was told."""
    spoken = speeches(labels, guard)
    opened = OpenStories(tx, labels, spoken, now=now)
    wanted = possible_slots(spoken, opened.states)
    told = tell(spoken, opened.states, take_slots(tx, wanted))
    settle_slots(tx, wanted, told.used)
    opened.save()
    return told


def _add_counts(tx: Connection, added: Mapping[BucketKey, Counts]) -> None:
    """Add to the buckets, sorted by key."""
    sums: dict[tuple[int, str, str, str], Counts] = {}
    for bucket, counts in added.items():
        series = bucket.series
        key = (to_micros(bucket.slot_at), storable(series.entity), storable(series.topic), series.source_class)
        sums[key] = sums[key] + counts if key in sums else counts
    names = ("slot_at", "entity", "topic", "source_class", *COUNT_FIELDS)
    rows = [dict(zip(names, (*key, *_numbers(sums[key])), strict=True)) for key in sorted(sums)]
    add_rows(tx, buckets, rows, sums=COUNT_FIELDS)
