"""HTTP push: a request body in, raw items with their lines out; and through ingest to the answer for the sender.

Every request adds to the coverage of the source `push`, as a poll does to that of another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from monitor.errors import InvalidRecordError, MonitorError
from monitor.ports import JSON_LINES_TYPES, JSON_TYPE, Clock, PushOutcome, PushRejection, SourceStore
from monitor.settings import PushSettings
from pipelines.ingest import IngestResult
from pipelines.sources.base import RawItem
from pipelines.sources.submission import Defaults, read_submission

PUSH = "push"  #: Stands where other documents have their configured source.

_DEFAULTS = Defaults(origin=PUSH, source=None)

log = structlog.get_logger(__name__)

_array = msgspec.json.Decoder(list[msgspec.Raw])
Submit = Callable[[Sequence[RawItem], datetime], IngestResult]


@dataclass(frozen=True, slots=True)
class Pushed:
    """One document of a request."""

    item: RawItem
    line: int | None  #: From 1; None where documents are not lines.


class Push:
    """The door that the web server knocks at; a `monitor.ports.PushDoor`."""

    def __init__(self, settings: PushSettings, *, submit: Submit, store: SourceStore, clock: Clock) -> None:
        self._settings = settings
        self._submit = submit
        self._store = store
        self._clock = clock

    def __call__(self, body: bytes, content_type: str) -> PushOutcome:
        """Publish the documents of `body`; returns once the bus has acknowledged them."""
        now = self._clock()
        try:
            pushed = parse_body(body, content_type, max_documents=self._settings.max_documents)
            result = self._submit([one.item for one in pushed], now)
        except MonitorError:
            self._cover(now, failures=1, documents=0)
            raise
        self._cover(now, failures=0, documents=result.published)
        rejected = tuple(
            PushRejection(index=r.index, line=pushed[r.index].line, reason=r.reason, detail=r.detail)
            for r in result.rejected
        )
        return PushOutcome(published=result.published, repeated=result.repeated, rejected=rejected)

    def _cover(self, now: datetime, *, failures: int, documents: int) -> None:
        try:
            self._store.add_coverage(PUSH, at=now, polls=1, failures=failures, documents=documents)
        except MonitorError as err:  # The documents are safe: the sender must not send them again for this.
            log.warning("source_coverage_lost", source=PUSH, error=str(err))


def parse_body(body: bytes, content_type: str, *, max_documents: int) -> list[Pushed]:
    """Read one JSON document or an array of them (`application/json`), or JSON lines.

    A document that cannot be read is an item with its refusal. Raises `InvalidRecordError` for a body without
    documents or with too many, before any is taken in.
    """
    if content_type in JSON_LINES_TYPES:
        found = _lines(body, max_documents)
    elif content_type == JSON_TYPE:
        found = _json(body)
    else:
        allowed = ", ".join((JSON_TYPE, *JSON_LINES_TYPES))
        raise InvalidRecordError(f"content type {content_type!r}; allowed: {allowed}", reason="schema")
    if not found:
        raise InvalidRecordError("the body holds no document", reason="schema")
    if len(found) > max_documents:
        raise InvalidRecordError(f"too many documents; at most {max_documents} in one request", reason="too_large")
    return found


def _lines(body: bytes, max_documents: int) -> list[Pushed]:
    found: list[Pushed] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            found.append(Pushed(read_submission(line, defaults=_DEFAULTS), number))
            if len(found) > max_documents:
                break  # the caller refuses the whole body: no need to read the rest
    return found


def _json(body: bytes) -> list[Pushed]:
    stripped = body.strip()
    if not stripped:
        return []
    if not stripped.startswith(b"["):
        return [Pushed(read_submission(stripped, defaults=_DEFAULTS), 1)]
    try:
        parts = _array.decode(stripped)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise InvalidRecordError(f"not JSON: {err}", reason="malformed_json") from err
    return [Pushed(read_submission(bytes(part), defaults=_DEFAULTS), None) for part in parts]
