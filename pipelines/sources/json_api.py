"""A JSON API as a source: pages asked for one after the other, and where reading was, remembered after each.

In: settings that say where things are in the answers. Out: a chunk a page; the cursor moves on only with the chunk, so
that what was not made safe is asked for again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urljoin, urlsplit

import structlog

from monitor.errors import InvalidRecordError, MonitorError, PermanentError
from monitor.net import Response
from monitor.ports import SourceState
from monitor.settings import JsonSource
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.fetcher import NOTHING_NEW, Fetcher, StatusError
from pipelines.sources.json_cursor import Course, Cursor, Cursors, read_cursors, write_cursors
from pipelines.sources.json_fields import Finish, ItemReader, unchanged
from pipelines.sources.json_pages import Page, PageReader
from pipelines.sources.rate_limits import used_up

log = structlog.get_logger(__name__)

Pages = Iterator[tuple[Sequence[RawItem], Cursor]]

_ACCEPT = "application/json, */*;q=0.1"
_UNKNOWN_PAGE = frozenset({400, 404, 410, 422})
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


class JsonApi:
    """One stream of one API; remembers nothing itself."""

    def __init__(
        self,
        settings: JsonSource,
        *,
        fetcher: Fetcher,
        max_items: int,
        ids: str | None = None,
        finish: Finish = unchanged,
    ) -> None:
        """Read as `settings` say; `ids` stands before each id, so that those of two APIs differ."""
        self._settings = settings
        self._fetcher = fetcher
        self._names = frozenset(_PLACEHOLDER.findall(settings.url))
        self._course = Course(paging=settings.paging, counted="page" in self._names)
        items = ItemReader(settings, ids=ids or settings.name, finish=finish)
        self._reader = PageReader(settings, items, max_items=max_items)
        self._confined = [header.name for header in settings.headers if header.secret is not None]
        self._headers = {"accept": _ACCEPT}
        for header in settings.headers:
            secret = header.secret.get_secret_value() if header.secret else ""
            self._headers[header.name.lower()] = header.value + secret

    def pages(self, cursor: Cursor, *, now: datetime) -> Pages:
        """Items of each page, and the cursor after it; at most as many pages as one poll may ask for.

        Raises as `Fetcher.get` does, and `InvalidRecordError` for an answer that is not as the settings say.
        """
        asked: list[str | None] = []
        for _ in range(self._settings.paging.max_pages):
            asked.append(cursor.next)
            try:
                response = self._get(cursor, now)
                page = None if response.status in NOTHING_NEW else self._reader.read(response, now=now)
            except (PermanentError, InvalidRecordError) as err:
                if _is_lost(cursor, err):
                    yield (), Cursor(since=cursor.since)
                raise
            if page is None or self._course.is_repeated(cursor, page):
                return
            self._warn_of_circle(page, asked)
            cursor, done = self._course.advance(cursor, page, asked=asked)
            yield page.items, cursor
            if done or used_up(response.headers):
                return

    def _get(self, cursor: Cursor, now: datetime) -> Response:
        return self._fetcher.get(self._url(cursor), headers=self._headers, now=now, confined=self._confined)

    def _url(self, cursor: Cursor) -> str:
        page = str(self._settings.paging.first_page + cursor.page)
        values = {"since": self._course.since(cursor), "cursor": cursor.next, "page": page}
        url = fill(self._settings.url, values)
        if cursor.next is None or "cursor" in self._names or self._settings.paging.next is None:
            return url
        following = urljoin(url, cursor.next)
        if _origin(following) != _origin(url):
            raise InvalidRecordError(f"{self._settings.name}: paging.next leads to another server", reason="schema")
        return following

    def _warn_of_circle(self, page: Page, asked: Sequence[str | None]) -> None:
        if self._course.newest_first and page.next is not None and page.next in asked:
            log.warning("api_cursor_stands_still", source=self._settings.name, pages=len(asked))


class JsonApiSource:
    """A configured source of one or more streams; `streams` has them by name."""

    def __init__(self, name: str, streams: Mapping[str, JsonApi]) -> None:
        self._name = name
        self._streams = streams

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Ask every stream, a chunk a page, beginning after the one asked last: a rate limit must not starve the rest.

        A stream that is refused does not hold up the others; raises what the last one raised when all were.
        """
        cursors = read_cursors(state.cursor)
        refused: list[PermanentError | InvalidRecordError] = []
        for stream in self._turns(cursors.last):
            try:
                for items, cursor in self._streams[stream].pages(cursors.at.get(stream, Cursor()), now=now):
                    cursors = Cursors(at={**cursors.at, stream: cursor}, last=cursors.last)
                    yield _chunk(items, state, cursors)
            except (PermanentError, InvalidRecordError) as err:
                refused.append(err)
                log.warning("api_stream_refused", source=self.name, stream=stream, error=str(err))
            cursors = Cursors(at=cursors.at, last=stream)
            yield _chunk((), state, cursors)
        if len(refused) == len(self._streams):
            raise refused[-1]

    def _turns(self, last: str | None) -> list[str]:
        names = list(self._streams)
        after = names.index(last) + 1 if last in names else 0
        return names[after:] + names[:after]


def _is_lost(cursor: Cursor, err: MonitorError) -> bool:
    """True when the page may be gone for good: the next poll begins without it."""
    unknown = isinstance(err, StatusError) and err.status in _UNKNOWN_PAGE
    return cursor.page > 0 or (cursor.next is not None and unknown)


def fill(template: str, values: Mapping[str, str | None]) -> str:
    """The URL with its placeholders filled in; a query parameter whose placeholder has no value is left out."""
    path, mark, query = template.partition("?")
    kept = [part for part in query.split("&") if all(values.get(name) for name in _PLACEHOLDER.findall(part))]
    filled = _filled(path, values) + (mark if kept else "") + "&".join(_filled(part, values) for part in kept)
    return filled.rstrip("?")


def _filled(text: str, values: Mapping[str, str | None]) -> str:
    return _PLACEHOLDER.sub(lambda match: quote(values.get(match[1]) or "", safe=""), text)


def _chunk(items: Sequence[RawItem], state: SourceState, cursors: Cursors) -> Chunk:
    return Chunk(items=items, state=replace(state, cursor=write_cursors(cursors)), changed=bool(items))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
