"""RSS and Atom over HTTP: ask conditionally, parse elsewhere, hand out what is in the feed.

In: a configured feed and what is remembered of it. Out: its items and what to remember. A feed that says "not
modified", or whose bytes are those of last time, gives no items.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import msgspec
import structlog

from monitor.errors import InvalidRecordError
from monitor.net import Response
from monitor.ports import SourceState
from monitor.settings import FeedSource as FeedSettings
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.feed_parser import FeedItem, ParsedFeed
from pipelines.sources.fetcher import NOTHING_NEW, Fetcher
from pipelines.sources.parser_process import FeedParser

log = structlog.get_logger(__name__)

ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"
MAX_VALIDATOR_CHARS = 1000


class FeedSource:
    """One configured feed."""

    def __init__(self, settings: FeedSettings, *, fetcher: Fetcher, parser: FeedParser) -> None:
        self._settings = settings
        self._url = str(settings.url)
        self._fetcher = fetcher
        self._parser = parser

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._settings.name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Fetch once; one chunk.

        Raises `TransientError` for an answer that may be better later, `PermanentError` for one that will not, and
        `InvalidRecordError` for a body that is no feed.
        """
        response = self._fetcher.get(self._url, headers=_conditions(state), now=now)
        digest = hashlib.sha256(response.body).hexdigest()
        if response.status in NOTHING_NEW or digest == state.cursor:
            yield Chunk(items=(), state=state, changed=False)
            return
        feed = self._parse(response)
        yield Chunk(items=[self._raw(item) for item in feed.items], state=_remember(state, response, digest))

    def _parse(self, response: Response) -> ParsedFeed:
        content_type = response.headers.get("content-type", "")[:200]
        feed = self._parser.parse(response.body, content_type=content_type, url=response.url)
        if not feed.recognised:
            problem = feed.problem or "no RSS or Atom in it"
            raise InvalidRecordError(f"not a feed ({content_type[:80] or 'no content type'}): {problem}")
        if feed.problem or feed.entries > len(feed.items):
            left = feed.entries - len(feed.items)
            log.info("feed_read_in_part", source=self.name, problem=feed.problem, items_left=left)
        return feed

    def _raw(self, item: FeedItem) -> RawItem:
        return RawItem(
            source=self.name,
            source_class=self._settings.source_class,
            raw=msgspec.json.encode(item),
            id=item.id,
            published_at=item.published_at,
            title=item.title,
            text=item.text,
            url=item.url,
            lang=item.lang or self._settings.lang,
            author=item.author,
            html=True,
            lenient_date=True,
        )


def _conditions(state: SourceState) -> dict[str, str]:
    headers = {"accept": ACCEPT}
    if state.etag:
        headers["if-none-match"] = state.etag
    if state.last_modified:
        headers["if-modified-since"] = state.last_modified
    return headers


def _remember(state: SourceState, response: Response, digest: str) -> SourceState:
    return replace(
        state,
        etag=_validator(response.headers.get("etag")),
        last_modified=_validator(response.headers.get("last-modified")),
        cursor=digest,
    )


def _validator(value: str | None) -> str | None:
    """`value`, if it can be sent back."""
    fits = value and len(value) <= MAX_VALIDATOR_CHARS and value.isascii() and value.isprintable()
    return value if fits else None
