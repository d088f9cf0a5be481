"""Documents reach the bus once, refusals the dead letters, and ids are remembered only after that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import Message, SourceClass
from monitor.errors import TransientError
from monitor.metrics import IngestMetrics, StageMetrics
from monitor.settings import DocumentLimits
from pipelines import wire
from pipelines.entities import EntityLinker
from pipelines.ingest import MAX_RAW_BYTES, Ingest
from pipelines.sources.base import RawItem
from pipelines.topics import Topics
from tests.fixtures.memory_stories import assigner

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Bus:
    """A producer that can be away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False

    def send(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise TransientError("broker away")
        self.messages += messages

    def on(self, topic: str) -> list[Message]:
        return [message for message in self.messages if message.topic == topic]

    def close(self) -> None:
        """Nothing to release."""


class SeenIds:
    """The part of the source store that ingest uses."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def unseen(self, ids: Sequence[str]) -> set[str]:
        return set(ids) - self.ids

    def mark_seen(self, ids: Collection[str], *, at: datetime) -> None:
        assert at == NOW
        self.ids |= set(ids)


class Rig:
    """Ingest with its surroundings."""

    def __init__(self) -> None:
        self.bus, self.seen, self.registry = Bus(), SeenIds(), CollectorRegistry()
        self.topics = Topics(prefix="t")
        self.ingest = Ingest(
            store=self.seen,  # type: ignore[arg-type]
            producer=self.bus,
            topics=self.topics,
            limits=DocumentLimits(),
            linker=EntityLinker([]),
            assign=assigner(self.registry),
            metrics=IngestMetrics(self.registry),
            stage_metrics=StageMetrics(self.registry),
        )

    def count(self, outcome: str, source: str = "desk") -> float | None:
        return self.registry.get_sample_value(
            "tapewatch_ingest_documents_total", {"source": source, "outcome": outcome}
        )


def item(**changes: Any) -> RawItem:
    """A good item."""
    facts: dict[str, Any] = {
        "source": "desk",
        "source_class": SourceClass.NEWS,
        "raw": b"raw",
        "id": "1",
        "published_at": NOW,
        "text": "Nordwind cuts its outlook",
    }
    return RawItem(**(facts | changes))


def test_new_documents_are_published_and_known_ones_are_not() -> None:
    """A feed shows the same items at every poll."""
    rig = Rig()
    first = rig.ingest.submit([item(), item(), item(id="2", source="other")], NOW)
    second = rig.ingest.submit([item()], NOW)
    assert (first.published, first.repeated, second.published, second.repeated) == (2, 1, 0, 1)
    assert [wire.decode_document(m.value).id for m in rig.bus.on("t.documents")] == ["1", "2"]
    assert (rig.count("published"), rig.count("repeated"), rig.count("published", "other")) == (1, 2, 1)


def test_copies_of_a_story_share_a_partition() -> None:
    """A story is counted once only if its copies meet."""
    rig = Rig()
    rig.ingest.submit([item(), item(id="2", source="b", text="Nordwind cuts its outlook!")], NOW)
    first, second = rig.bus.on("t.documents")
    assert first.key == second.key


def test_a_refused_item_is_a_dead_letter_with_its_bytes_and_reason() -> None:
    """Nothing is dropped silently; the good ones of the same batch go on."""
    rig = Rig()
    result = rig.ingest.submit([item(text=""), item(id="2"), item(published_at="x", raw=b"\xff")], NOW)
    assert result.published == 1
    assert [(r.index, r.reason) for r in result.rejected] == [(0, "empty_text"), (2, "bad_date")]
    letters = [wire.decode_dead_letter(m.value) for m in rig.bus.on("t.dead-letters")]
    assert [(one.value, one.reason, one.source) for one in letters] == [
        (b"raw", "empty_text", "desk"),
        (b"\xff", "bad_date", "desk"),
    ]
    labels = {"stage": "ingest", "reason": "bad_date"}
    assert rig.registry.get_sample_value("tapewatch_dead_letters_total", labels) == 1
    assert rig.count("rejected") == 2


def test_ids_are_remembered_only_after_the_bus_has_acknowledged() -> None:
    """Otherwise a document lost on the way would never come again."""
    rig = Rig()
    rig.bus.away = True
    with pytest.raises(TransientError):
        rig.ingest.submit([item()], NOW)
    assert rig.seen.ids == set()
    assert rig.count("published") is None
    rig.bus.away = False
    assert rig.ingest.submit([item()], NOW).published == 1


def test_metrics_name_the_configured_source_not_the_senders() -> None:
    """A sender that invents names must not open a series for each."""
    rig = Rig()
    rig.ingest.submit([item(source="whoever", origin="push")], NOW)
    assert rig.count("published", "push") == 1
    assert rig.count("published", "whoever") is None


def test_a_huge_refused_item_still_fits_the_bus() -> None:
    """A broker takes about a megabyte; the beginning and the size are kept."""
    rig = Rig()
    rig.ingest.submit([item(text="", raw=b"x" * 2_000_000)], NOW)
    (message,) = rig.bus.on("t.dead-letters")
    letter = wire.decode_dead_letter(message.value)
    assert len(letter.value) == MAX_RAW_BYTES
    assert "of 2000000 bytes" in letter.detail
    assert len(message.value) < 1_000_000


def test_cut_and_redated_documents_are_counted() -> None:
    """Operators see what was changed."""
    rig = Rig()
    rig.ingest.submit([item(text="a " * 20_000, published_at=None, lenient_date=True)], NOW)
    assert rig.count("cut") == rig.count("published") == 1
    assert rig.registry.get_sample_value("tapewatch_ingest_redated_total", {"source": "desk"}) == 1


def test_nothing_submitted_is_nothing_sent() -> None:
    """An empty poll costs no round trip."""
    rig = Rig()
    rig.bus.away = True
    assert rig.ingest.submit([], NOW).published == 0
