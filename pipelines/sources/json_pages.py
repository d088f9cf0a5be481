"""Read an answer of a JSON API: a body in, its items and the way to the next page out.

A body that is no JSON, or has no list where the settings say, is an `InvalidRecordError` that names source, path and
remedy. What goes beyond JSON in single values (half of a surrogate pair, NaN, numbers without end) is put up with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from monitor.errors import InvalidRecordError
from monitor.json_path import parse_path
from monitor.net import Response
from monitor.settings import JsonSource
from pipelines.sources.base import RawItem
from pipelines.sources.json_dates import is_past
from pipelines.sources.json_fields import ItemReader, as_bytes, as_word, kind_of

log = structlog.get_logger(__name__)

MAX_CURSOR_CHARS = 4000
_SHOWN_KEYS = 8
_MAX_DIGITS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer holds."""

    items: Sequence[RawItem]
    entries: int  #: Entries of the list, those that are none of ours too.
    marks: Sequence[str]  #: Values for `{since}`, in the order of the entries.
    next: str | None  #: Where the next page is; None: this is the last, or the answer does not say.
    more: bool | None = None  #: Whether there is a next page, where the answer says.
    pages: int | None = None  #: How many there are, where the answer says.
    digest: str  #: Of the entries.


class PageReader:
    """Reads the answers of one source."""

    def __init__(self, settings: JsonSource, items: ItemReader, *, max_items: int) -> None:
        paging = settings.paging
        self._settings = settings
        self._items = items
        self._max_items = max_items
        self._list, self._inner = parse_path(settings.items).split()
        self._next = parse_path(paging.next) if paging.next else None
        self._more = parse_path(paging.more) if paging.more else None
        self._pages = parse_path(paging.pages) if paging.pages else None
        self._since = parse_path(paging.since) if paging.since else None
        self._since_is_date = paging.since is not None and paging.since == settings.fields.published_at

    def read(self, response: Response, *, now: datetime) -> Page:
        """Read one answer; raises `InvalidRecordError` for one that is not as the settings say."""
        body = self._decode(response)
        entries = self._entries(body)
        kept = entries[: self._max_items]
        if len(entries) > len(kept):
            log.warning("api_page_read_in_part", source=self._settings.name, items_left=len(entries) - len(kept))
        items = [raw for one in kept if (raw := self._items.read(self._inside(one))) is not None]
        marks = [mark for one in kept if (mark := self._mark(self._inside(one), now))]
        more = None if self._more is None else bool(self._more.first(body))
        return Page(
            items=items,
            entries=len(entries),
            marks=marks,
            next=None if more is False else self._next_page(body),
            more=more,
            pages=self._number_of_pages(body),
            digest=_digest(kept),
        )

    def _decode(self, response: Response) -> object:
        try:
            return _decode(response.body)
        except (ValueError, msgspec.MsgspecError, RecursionError) as err:
            content_type = response.headers.get("content-type", "")[:80] or "no content type"
            raise self._wrong(
                f"the answer is not JSON ({content_type}): {err}"[:300], "look at url and headers"
            ) from err

    def _entries(self, body: object) -> list[object]:
        found = self._list.find(body)
        if found and isinstance(found[0], list):
            return found[0]
        if found == [None]:
            return []  # how many APIs write an empty list
        remedy = f"set items to the path of the list; the answer is {_outline(body)}"
        raise self._wrong(f"{kind_of(found[0]) if found else 'nothing'} at items: {self._list.text!r}", remedy)

    def _inside(self, entry: object) -> object:
        found = self._inner.find(entry)
        return found[0] if found else entry

    def _mark(self, item: object, now: datetime) -> str | None:
        mark = as_word(self._since.first(item)) if self._since else None
        if mark and self._since_is_date and not is_past(mark, self._settings.fields.published_at_format, now=now):
            return None  # One item from the future would hide all that come before it.
        return mark if mark and len(mark) <= MAX_CURSOR_CHARS else None

    def _next_page(self, body: object) -> str | None:
        value = self._next.first(body) if self._next else None
        if self._next is None or value in (None, "", False):
            return None
        word = as_word(value)
        if word is None or len(word) > MAX_CURSOR_CHARS:
            raise self._wrong(f"{kind_of(value)} at paging.next: {self._next.text!r}", "correct the path")
        return word

    def _number_of_pages(self, body: object) -> int | None:
        value = self._pages.first(body) if self._pages else None
        return value if isinstance(value, int) else None

    def _wrong(self, problem: str, remedy: str) -> InvalidRecordError:
        return InvalidRecordError(f"{self._settings.name}: {problem}; {remedy}", reason="schema")


def _decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        try:
            text = body.decode("utf-8-sig", "replace")
            return json.loads(text, strict=False, parse_int=_int, parse_constant=lambda _: None)
        except ValueError:
            raise err from None  # the stricter reader's message says where


def _int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def _digest(entries: Sequence[object]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for one in entries:
        digest.update(as_bytes(one) + b"\n")
    return digest.hexdigest()


def _outline(body: object) -> str:
    if not isinstance(body, dict):
        return kind_of(body)
    keys = [str(key)[:30] for key in list(body)[:_SHOWN_KEYS]]
    return f"an object with {', '.join(map(repr, keys)) or 'no keys'}"
