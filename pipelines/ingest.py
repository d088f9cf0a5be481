"""Ingest: raw items in, documents and dead letters on the bus.

At least once: `submit` returns only when the bus has acknowledged every document and refusal; only then are the ids
remembered. A crash in between publishes some again, under the same ids and with the same stories. Documents are keyed
by story, so that the copies of a story meet in one partition.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from monitor.domain import REJECT_REASONS, Document, Message
from monitor.errors import InvalidRecordError
from monitor.metrics import IngestMetrics, StageMetrics
from monitor.ports import Producer, SourceStore
from monitor.settings import DocumentLimits
from pipelines import wire
from pipelines.documents import Built, build_document
from pipelines.entities import EntityLinker
from pipelines.sources.base import RawItem
from pipelines.topics import Topics

STAGE = "ingest"
MAX_RAW_BYTES = 500_000  #: Of a refused item; base64 makes it a third longer, and a broker takes a megabyte by default.

Assign = Callable[[Sequence[Document], datetime], Sequence[Document]]
"""Gives documents their stories; the same ones whenever a document comes again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An item that was refused."""

    index: int  #: Position among the submitted items, from 0.
    reason: str  #: One of `REJECT_REASONS`.
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of the submitted items."""

    published: int
    repeated: int  #: Published before, or twice among the items.
    rejected: tuple[Rejection, ...]


@dataclass(slots=True)
class _Sorted:
    built: dict[str, tuple[RawItem, Built]] = field(default_factory=dict)  # by id: the first of each
    repeated: list[RawItem] = field(default_factory=list)
    refused: list[tuple[int, RawItem, InvalidRecordError]] = field(default_factory=list)


class Ingest:
    """The one way onto the documents topic; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 -- all that a document passes on its way
        self,
        *,
        store: SourceStore,
        producer: Producer,
        topics: Topics,
        limits: DocumentLimits,
        linker: EntityLinker,
        assign: Assign,
        metrics: IngestMetrics,
        stage_metrics: StageMetrics,
    ) -> None:
        self._store = store
        self._producer = producer
        self._topics = topics
        self._limits = limits
        self._linker = linker
        self._assign = assign
        self._metrics = metrics
        self._stage_metrics = stage_metrics
        self._sending = threading.Lock()
        stage_metrics.start(STAGE)

    def submit(self, items: Sequence[RawItem], now: datetime) -> IngestResult:
        """Publish what is new among `items`; raises `TransientError` when the bus or the store is away."""
        found = self._sort(items, now)
        # One at a time: a producer serves one thread, and an id must be marked before the next look.
        with self._sending:
            new = self._store.unseen(list(found.built))
            fresh = [pair for id_, pair in found.built.items() if id_ in new]
            told = self._assign([built.document for _, built in fresh], now) if fresh else ()
            messages = [self._message(document) for document in told]
            messages += [self._refusal(item, err, now) for _, item, err in found.refused]
            if messages:
                self._producer.send(messages)
            # The known ids too: an item that stays in its feed for months must not be forgotten and come back as new.
            if found.built:
                self._store.mark_seen(list(found.built), at=now)
        found.repeated += [item for id_, (item, _) in found.built.items() if id_ not in new]
        self._count(fresh, found)
        rejected = tuple(Rejection(index=i, reason=_reason(err), detail=str(err)) for i, _, err in found.refused)
        return IngestResult(published=len(fresh), repeated=len(found.repeated), rejected=rejected)

    def _sort(self, items: Sequence[RawItem], now: datetime) -> _Sorted:
        found = _Sorted()
        for index, item in enumerate(items):
            try:
                built = build_document(item, seen_at=now, limits=self._limits, linker=self._linker)
            except InvalidRecordError as err:
                found.refused.append((index, item, err))
                continue
            if built.document.id in found.built:
                found.repeated.append(item)
            else:
                found.built[built.document.id] = (item, built)
        return found

    def _message(self, document: Document) -> Message:
        return Message(
            topic=self._topics.documents, key=document.story_id.encode(), value=wire.encode_document(document)
        )

    def _refusal(self, item: RawItem, err: InvalidRecordError, now: datetime) -> Message:
        raw, source = item.raw, _origin(item)
        if len(raw) > MAX_RAW_BYTES:
            detail = f"{err} (the first {MAX_RAW_BYTES} of {len(raw)} bytes are kept)"
            raw, err = raw[:MAX_RAW_BYTES], InvalidRecordError(detail, reason=err.reason)
        value = wire.encode_refusal(raw, err, source=source, at=now)
        return Message(topic=self._topics.dead_letters, key=source.encode("utf-8", "replace"), value=value)

    def _count(self, fresh: Sequence[tuple[RawItem, Built]], found: _Sorted) -> None:
        counts: Counter[tuple[str, str]] = Counter()
        counts.update((_origin(item), "published") for item, _ in fresh)
        counts.update((_origin(item), "cut") for item, built in fresh if built.cut)
        counts.update((_origin(item), "repeated") for item in found.repeated)
        counts.update((_origin(item), "rejected") for _, item, _ in found.refused)
        for (source, outcome), count in counts.items():
            self._metrics.documents.labels(source=source, outcome=outcome).inc(count)
        for item, built in fresh:
            if built.redated:
                self._metrics.redated.labels(source=_origin(item)).inc()
        for reason, count in Counter(_reason(err) for _, _, err in found.refused).items():
            self._stage_metrics.rejected.labels(stage=STAGE, reason=reason).inc(count)
            log.warning("items_refused", reason=reason, items=count)


def _origin(item: RawItem) -> str:
    """The configured source, for metrics: a sender's own name would open a series without end."""
    return item.origin or item.source


def _reason(err: InvalidRecordError) -> str:
    return err.reason if err.reason in REJECT_REASONS else "invalid"
