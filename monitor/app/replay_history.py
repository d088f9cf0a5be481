"""History: recorded documents, counted by the live stages on an embedded log and database of their own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from models.artifacts import check_adapter, read_adapter
from models.registry import active_folder
from monitor.app.clock import utc_now
from monitor.app.loading import followed_registry, open_models
from monitor.app.parts import Parts
from monitor.app.replay_folder import State, history_key, read_state, replay_folder, write_state
from monitor.app.store import Store, open_app_store
from monitor.app.workshop import Workshop
from monitor.errors import ConfigurationError, InvalidRecordError
from monitor.ports import Broker
from monitor.settings import ClassifierSettings, KafkaSettings, Settings
from pipelines.brokers.local import LocalBroker
from pipelines.documents import parse_rfc3339
from pipelines.known_labels import KnownModels
from pipelines.label_store import LabelStore
from pipelines.replay import Place, Replay
from pipelines.sources.base import RawItem
from pipelines.sources.file import read_documents

DATABASE, LOG = "replay.db", "replay-log.db"
AT_ONCE = 5_000  #: Records that a stage takes in hand: it is alone, and few transactions are fast.
NEW_OBJECTS = 50_000  #: Between two collections.
LEASE = timedelta(seconds=3)  #: So long a replay that goes on waits for one that was killed.

Show = Callable[[Place, int], None]
"""Is told how far the counting is, and how many documents there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be counted, and where."""

    source: Path
    labels: Path  #: Folder of the label cache.
    state: Path | None = None  #: Folder of the replay; left out: one in the cache.
    fresh: bool = False  #: Count anew.


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Counted documents, open to be read."""

    workshop: Workshop
    state: State
    first_at: datetime  #: UTC; of the first bucket.
    last_at: datetime  #: UTC; of the last document.

    @property
    def documents(self) -> int:
        """Documents that were read and not refused."""
        return self.state.documents - self.state.refused


class _ReplayWorkshop(Workshop):
    """A workshop whose files need not survive a power cut, and whose models answer from what they answered before."""

    @cached_property
    def _store(self) -> Store:
        return open_app_store(self.settings, durable=False)

    @cached_property
    def _broker(self) -> Broker:
        made = LocalBroker(self.settings.local_log, self.settings.stream, clock=self.clock, durable=False)
        made.ensure_topics(self.topics.every)
        return made


@contextmanager
def counted_history(settings: Settings, request: Request, show: Show) -> Iterator[History]:
    """Count what is not counted yet, and open it; raises `ConfigurationError` where there is nothing to count."""
    versions = model_versions(settings.classifier)
    key = history_key(request.source, settings, versions)
    with replay_folder(request.state, key, fresh=request.fresh) as folder:
        workshop = _ReplayWorkshop(
            _contained(settings, folder), clock=utc_now, registry=CollectorRegistry(), worker="replay"
        )
        try:
            workshop.models = KnownModels(
                versions, LabelStore(request.labels), lambda: open_models(settings.classifier, workshop.model_metrics)
            )
            state = read_state(folder)
            if state is None or not state.counted:
                state = _count(workshop, folder, request.source, state or key, show)
            yield _opened(workshop, state, request.source)
        finally:
            workshop.close()


def model_versions(settings: ClassifierSettings) -> Mapping[str, str]:
    """The version of the model that reads each language, from the manifests alone."""
    registry = followed_registry(settings)
    found = read_adapter(settings.adapter, registry=settings.registry) if registry is None else None
    first = (found or check_adapter(active_folder(registry or Path()))).manifest
    others = {
        language: read_adapter(name, registry=settings.registry).manifest.model
        for language, name in settings.languages.items()
    }
    return {**dict.fromkeys(first.languages, first.model), **others}


def _contained(settings: Settings, folder: Path) -> Settings:
    """`settings` on files of its own, with one partition, so that records keep the order of the data."""
    forever = "36500d"
    changes = {
        "database": settings.database.model_copy(
            update={"url": SecretStr(f"sqlite:///{folder}/{DATABASE}"), "url_file": None}
        ),
        "kafka": KafkaSettings(),
        "local_log": settings.local_log.model_copy(update={"path": folder / LOG, "lease": LEASE}),
        "stream": settings.stream.model_copy(update={"partitions": 1, "max_poll_records": AT_ONCE}),
        "aggregate": settings.aggregate.model_validate(
            settings.aggregate.model_dump()
            | {"evidence_retention": forever, "bucket_retention": forever, "id_retention": forever}
        ),
    }
    return settings.model_copy(update=changes)


def _count(workshop: Workshop, folder: Path, source: Path, begun: State | str, show: Show) -> State:
    """Count the documents of `source` from where `begun` is, a state or the key of a new one."""
    items = sorted(read_documents(source), key=_published_at)
    if not items:
        raise ConfigurationError(f"{source}: holds no document; a line is one JSON object, see docs/replay.md")
    state = begun if isinstance(begun, State) else _begin(workshop, items, begun)
    parts = Parts(workshop)
    with (
        _seldom_collected(),
        workshop.ingest() as ingest,
        parts.classify_line() as classify,
        parts.aggregate_line() as aggregate,
    ):
        replay = Replay(submit=lambda chunk, now: len(ingest.submit(chunk, now).rejected), lines=(classify, aggregate))
        write_state(folder, state)
        for place in replay.run(items, now=state.now, start=state.place):
            state = msgspec.structs.replace(state, documents=place.documents, refused=place.refused)
            write_state(folder, state)
            show(place, state.total)
    state = msgspec.structs.replace(state, counted=True)
    write_state(folder, state)
    _drop_log(workshop, folder)
    return state


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for circular garbage less often: half the time went by over documents that are all still needed."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _begin(workshop: Workshop, items: Sequence[RawItem], key: str) -> State:
    """Without a watchlist every ticker that the documents name is followed."""
    named = workshop.linker.tickers or sorted({ticker.upper() for item in items for ticker in item.entities})
    return State(key=key, now=utc_now(), tickers=tuple(named), total=len(items))


def _drop_log(workshop: Workshop, folder: Path) -> None:
    """What was counted is never read from the log again; it is most of the folder."""
    workshop.broker.close()
    workshop.__dict__.pop("_broker", None)
    for path in folder.glob(f"{LOG}*"):
        path.unlink()


def _opened(workshop: Workshop, state: State, source: Path) -> History:
    first_at, last_at = workshop.store.first_bucket_at(), workshop.store.watermark()
    if first_at is None or last_at is None:
        raise ConfigurationError(
            f"{source}: every one of {state.total} documents was refused; the log above says why, "
            "docs/replay.md what a document looks like"
        )
    return History(workshop=workshop, state=state, first_at=first_at, last_at=last_at)


def _published_at(item: RawItem) -> datetime:
    try:
        given = item.published_at
        return parse_rfc3339(given) if isinstance(given, str) else given or _EARLIEST
    except InvalidRecordError:
        return _EARLIEST


_EARLIEST = datetime.min.replace(tzinfo=utc_now().tzinfo)  #: Where an item without a readable date sorts.
