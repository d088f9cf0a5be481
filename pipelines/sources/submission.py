"""Read a sender's document: one JSON object in, one raw item out; an unreadable one carries its refusal."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.domain import SourceClass
from monitor.errors import InvalidRecordError
from pipelines import wire
from pipelines.sources.base import RawItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for documents that do not say."""

    origin: str  #: The configured source, `push` or `replay`; labels metrics.
    source: str | None  #: None: a document must name its source.
    source_class: SourceClass = SourceClass.NEWS


def read_submission(data: bytes, *, defaults: Defaults, where: str = "") -> RawItem:
    """Read `data`; `where` (file and line) stands in front of a refusal."""
    try:
        sent = wire.decode_submission(data)
        source = sent.source if sent.source is not None else defaults.source
        if source is None:
            return refused(data, _missing_source(), defaults=defaults, where=where)
    except InvalidRecordError as err:
        return refused(data, err, defaults=defaults, where=where)
    return RawItem(
        source=source,
        source_class=SourceClass(sent.source_class) if sent.source_class else defaults.source_class,
        raw=data,
        id=sent.id,
        published_at=sent.published_at,
        title=sent.title or "",
        text=sent.text,
        url=sent.url,
        lang=sent.lang,
        author=sent.author,
        entities=sent.entities,
        origin=defaults.origin,
    )


def refused(data: bytes, error: InvalidRecordError, *, defaults: Defaults, where: str = "") -> RawItem:
    """An item that only carries its refusal to the dead letters."""
    return RawItem(
        source=defaults.source or defaults.origin,
        source_class=defaults.source_class,
        raw=data,
        refusal=f"{where}: {error}" if where else str(error),
        refusal_reason=error.reason,
        origin=defaults.origin,
    )


def _missing_source() -> InvalidRecordError:
    return InvalidRecordError("Object missing required field `source`", reason="schema")
