"""Make documents: one raw item in, one clean document out, or the reason why not.

Ids. An id given by a sender (HTTP push, files) is kept as it is: it is theirs to keep unique. A feed's id is only
unique within the feed, so the feed's name stands before it. Without an id it is a hash of source and link or, without
a link, of source, title, text and date. An id that is too long is replaced by its hash.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.domain import Document, EntityScores
from monitor.domain.documents import MAX_ID_CHARS
from monitor.errors import InvalidRecordError
from pipelines.cleaning import Cleaned, clean
from pipelines.stories import story_id

if TYPE_CHECKING:
    from monitor.settings import DocumentLimits
    from pipelines.entities import EntityLinker
    from pipelines.sources.base import RawItem

MAX_SOURCE_CHARS = 100
MAX_AUTHOR_CHARS = 200
MAX_URL_CHARS = 2000
MAX_ENTITIES = 100
GIVEN = 1.0  #: Relevance of an entity that the sender names and the text does not: the sender knows.

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LEAP_SECOND = re.compile(r":60(?=[.Zz+-])")
_LANG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE | re.ASCII)
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,14}", re.ASCII)
_NOT_IN_URL = re.compile(r"[\s\x00-\x1f\x7f\"<>\\^`{|}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A document, and what had to be changed to make it."""

    document: Document
    cut: bool  #: The text or title was cut at its limit.
    redated: bool  #: The source gave no usable date; the document is dated when it was seen.


def build_document(item: RawItem, *, seen_at: datetime, limits: DocumentLimits, linker: EntityLinker) -> Built:
    """Clean, date, identify and link `item`; raises `InvalidRecordError` with a reason."""
    if item.refusal is not None:
        raise InvalidRecordError(item.refusal, reason=item.refusal_reason)
    text = clean(item.text, limit=limits.max_text_chars, html=item.html)
    title = clean(item.title, limit=limits.max_title_chars, html=item.html)
    if not (text.text or title.text):
        raise InvalidRecordError("no text is left after cleaning", reason="empty_text")
    published_at = _date(item, seen_at + limits.future_tolerance)
    document = _document(item, title, text, published_at or seen_at, seen_at, linker)
    return Built(document=document, cut=text.cut or title.cut, redated=published_at is None)


def parse_rfc3339(text: str) -> datetime:
    """Read an instant, to UTC; raises `InvalidRecordError` for anything else, also without a time zone."""
    text = text.strip()
    if not _RFC_3339.fullmatch(text):
        raise InvalidRecordError(f"not RFC 3339 with a time zone: {text[:60]!r}", reason="bad_date")
    try:
        return datetime.fromisoformat(_LEAP_SECOND.sub(":59", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise InvalidRecordError(f"no such instant: {text[:60]!r}", reason="bad_date") from err


def _document(
    item: RawItem, title: Cleaned, text: Cleaned, published_at: datetime, seen_at: datetime, linker: EntityLinker
) -> Document:
    source = clean(item.source, limit=MAX_SOURCE_CHARS).text
    if not source:
        raise InvalidRecordError("`source` is empty", reason="schema")
    given = _given_tickers(item.entities)
    links = linker.find(title.text, text.text, given)
    entities = tuple(sorted(given | links.tickers))
    relevances = links.relevances()
    return Document(
        id=_identify(item, source),
        source=source,
        source_class=item.source_class,
        published_at=published_at,
        seen_at=seen_at,
        text=text.text,
        title=title.text,
        url=_http_url(item.url),
        lang=_lang(item.lang),
        author=clean(item.author or "", limit=MAX_AUTHOR_CHARS).text or None,
        entities=entities,
        story_id=story_id(f"{title.text}\n{text.text}"),
        scores=tuple(EntityScores(entity=each, relevance=relevances.get(each, GIVEN)) for each in entities),
    )


def _date(item: RawItem, latest: datetime) -> datetime | None:
    """The instant that the source gave; None when it gave none of use and may do so."""
    try:
        return _instant(item.published_at, latest)
    except InvalidRecordError:
        if item.lenient_date:
            return None
        raise


def _instant(given: datetime | str | None, latest: datetime) -> datetime:
    if given is None:
        raise InvalidRecordError("published_at is missing", reason="bad_date")
    at = parse_rfc3339(given) if isinstance(given, str) else _to_utc(given)
    if at > latest:
        raise InvalidRecordError(f"published_at {at.isoformat()} is in the future", reason="future_date")
    return at


def _to_utc(given: datetime) -> datetime:
    if given.utcoffset() is None:
        raise InvalidRecordError(f"published_at has no time zone: {given.isoformat()}", reason="bad_date")
    try:
        return given.astimezone(UTC)
    except OverflowError as err:
        raise InvalidRecordError(f"no such instant: {given.isoformat()}", reason="bad_date") from err


def _identify(item: RawItem, source: str) -> str:
    given = clean(item.id or "", limit=max(len(item.id or ""), 1)).text
    if not given:
        return _hashed(source, item.url) if item.url else _hashed(source, item.title, item.text, str(item.published_at))
    # Feeds are told by their dates, which they alone may leave out.
    named = f"{source}:{given}" if item.lenient_date else given
    return named if len(named) <= MAX_ID_CHARS else _hashed(named)


def _hashed(*parts: str) -> str:
    return "sha256-" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _http_url(url: str | None) -> str | None:
    # A lone surrogate could not be written to the bus.
    url = (url or "").encode("utf-8", "ignore").decode("utf-8").strip()
    if not url or len(url) > MAX_URL_CHARS or _NOT_IN_URL.search(url):
        return None
    try:
        parts = urlsplit(url)
        known = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return url if known else None


def _lang(lang: str | None) -> str | None:
    tag = (lang or "").strip().replace("_", "-")
    return tag if _LANG.fullmatch(tag) else None


def _given_tickers(entities: tuple[str, ...]) -> set[str]:
    if len(entities) > MAX_ENTITIES:
        raise InvalidRecordError(f"entities: {len(entities)} tickers; at most {MAX_ENTITIES}", reason="schema")
    tickers = {entity.strip().removeprefix("$").upper() for entity in entities}
    if wrong := sorted(t for t in tickers if not _TICKER.fullmatch(t)):
        raise InvalidRecordError(f"entities: not a ticker: {wrong[0][:40]!r}", reason="schema")
    return tickers
