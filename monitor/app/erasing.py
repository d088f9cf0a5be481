"""`tapewatch erase`: a document or an author, gone from database and bus, or said for how long it stays.

Erased first are the database and with it what could count the document again; then the bus. What a process had in hand
meanwhile is met by a second round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.app.dead_letters import open_workshop
from monitor.app.workshop import Workshop
from monitor.domain import Record
from monitor.durations import format_duration
from monitor.errors import MonitorError
from monitor.settings import Settings
from monitor.store.erasure import Erasing
from pipelines.erasure import Sought
from pipelines.guard import digest_of
from pipelines.letter_replay import Fate, mark_erased, marked
from pipelines.letters import HeldLetter, read_letters

ROUNDS = 2
AT_ONCE = 500

Row = dict[str, object]


@dataclass(slots=True)
class _Found:
    """What the bus holds of it."""

    ids: set[str] = field(default_factory=set)
    records: dict[str, list[Record]] = field(default_factory=dict)  # by topic
    letters: list[HeldLetter] = field(default_factory=list)


def erase(settings: Settings, sought: Sought, *, dry_run: bool) -> list[Row]:
    """Erase what is sought; a row for each place that held it, with what became of it. `dry_run` only counts."""
    with open_workshop(settings, "erase") as workshop:
        database: Counter[str] = Counter()
        bus: Counter[str] = Counter()
        for _ in range(1 if dry_run else ROUNDS):
            found = _search(workshop, sought)
            database.update(_from_database(workshop, sought, found.ids, dry_run=dry_run))
            bus = bus or Counter({topic: len(records) for topic, records in found.records.items()})
            if not dry_run:
                _from_bus(workshop, found)
        if not dry_run:
            workshop.store.settle_erasure()
        return [*_database_rows(database, dry_run=dry_run), *_bus_rows(workshop, bus, dry_run=dry_run)]


def _search(workshop: Workshop, sought: Sought) -> _Found:
    """Look through the bus: there stand also documents that nobody has counted yet."""
    found = _Found(ids={sought.id} if sought.id else set())
    for topic in (workshop.topics.documents, workshop.topics.labels):
        found.records[topic] = []
        for record in workshop.broker.scan(topic):
            if record.value and (id_ := sought.document_in(record)) is not None:
                found.records[topic].append(record)
                found.ids.add(id_)
    read = read_letters(workshop.broker.scan(workshop.topics.dead_letters))
    letters = [held for held in read if sought.is_in_letter(held)]
    known = marked(workshop.store, [held.digest for held in letters])
    found.letters = [held for held in letters if known.get(held.digest) is not Fate.ERASED]
    found.records[workshop.topics.dead_letters] = [held.record for held in found.letters]
    return found


def _from_database(workshop: Workshop, sought: Sought, ids: set[str], *, dry_run: bool) -> Counter[str]:
    store, now = workshop.store, workshop.clock()
    digest = None
    if sought.author is not None:
        ids, digest = ids | store.documents_of(sought.author), digest_of(sought.author)
    counts = Counter(store.erase(Erasing(ids=ids, author_digest=digest), now=now, dry_run=dry_run))
    if counts["alerts"] and not dry_run:
        # Whoever evaluates holds the alerts in memory, and would write them back as they were.
        store.pause_evaluation(now=now, ttl=_two_ticks(workshop.settings))
    return counts


def _from_bus(workshop: Workshop, found: _Found) -> None:
    mark_erased(workshop.store, [held.digest for held in found.letters], workshop.clock())
    for records in found.records.values():
        for start in range(0, len(records), AT_ONCE):
            workshop.broker.empty(records[start : start + AT_ONCE])


def _two_ticks(settings: Settings) -> timedelta:
    return 2 * settings.alerting.evaluate_every + timedelta(seconds=1)


def _database_rows(counts: Counter[str], *, dry_run: bool) -> Iterator[Row]:
    for table, rows in sorted(counts.items()):
        if rows:
            yield {"place": table, "found": rows, "outcome": "would be erased" if dry_run else "erased"}


def _bus_rows(workshop: Workshop, counts: Counter[str], *, dry_run: bool) -> Iterator[Row]:
    for topic, records in counts.items():
        if not records:
            continue
        row: Row = {"place": topic, "found": records, "outcome": "would be erased" if dry_run else "erased"}
        if workshop.settings.kafka.bootstrap_servers:
            row["outcome"] = _stays(workshop, topic)
        yield row


def _stays(workshop: Workshop, topic: str) -> str:
    """What becomes of records that cannot be changed."""
    try:
        kept_for = workshop.broker.keeps_for(topic)
    except MonitorError as err:  # it may be forbidden to ask; what could be erased is erased
        return f"stays on Kafka for the topic's retention, which cannot be read: {err}"
    if kept_for is None:
        return "stays on Kafka: the topic keeps records for ever; see docs/operation.md"
    latest = workshop.clock() + kept_for
    kept = f"for the topic's retention of {format_duration(kept_for)}, at the longest until {latest:%Y-%m-%d}"
    return f"stays on Kafka {kept}; not shown, counted or brought back"
