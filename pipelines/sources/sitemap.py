"""A site's sitemap as a source: new pages in the order of their dates, a few a poll, each a document.

In: the list of pages, and what was taken of it. Out: a chunk a page, so that a page that was made safe is not fetched
again, whatever comes after. A page that cannot be had is tried in three polls; then its title alone is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from monitor.errors import TransientError
from monitor.ports import SourceState
from monitor.settings import SitemapSource as SitemapSettings
from pipelines.sources.article_requests import SitemapEntry
from pipelines.sources.base import Chunk
from pipelines.sources.recent import AHEAD, Recent
from pipelines.sources.sitemap_list import SitemapList
from pipelines.sources.sitemap_pages import Page, PageReader

log = structlog.get_logger(__name__)

MAX_TRIES = 3  #: Of one page, each in another poll.
MAX_FAILURES = 3  #: In a row; then the server is in trouble, not the page.


class SitemapSource:
    """One configured sitemap."""

    def __init__(self, settings: SitemapSettings, *, listing: SitemapList, pages: PageReader) -> None:
        self._settings = settings
        self._listing = listing
        self._pages = pages
        self._include = [re.compile(one) for one in settings.include]
        self._exclude = [re.compile(one) for one in settings.exclude]

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._settings.name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Read the list, then the new pages of it, oldest first."""
        known = Recent.read(state.cursor, oldest=now - self._settings.max_age)
        listed = self._listing.read(now=now)
        fresh = self._fresh(listed, known, now)
        if self._settings.articles:
            yield from self._articles(fresh[: self._settings.max_pages], known, state, now)
        elif fresh:
            yield self._titles(fresh, known, state, now)
        undated = sum(one.at is None for one in listed)
        left = max(0, len(fresh) - self._settings.max_pages) if self._settings.articles else 0
        log.info("sitemap_read", source=self.name, new=len(fresh), left=left, undated=undated)
        if not fresh:
            yield Chunk(items=(), state=replace(state, cursor=known.write()), changed=False)

    def _titles(self, fresh: Sequence[SitemapEntry], known: Recent, state: SourceState, now: datetime) -> Chunk:
        """All at once: nothing is fetched for them."""
        for entry in fresh:
            known.take(entry.url, entry.at or now)
        items = [item for entry in fresh if (item := self._pages.title(entry)) is not None]
        return Chunk(items=items, state=replace(state, cursor=known.write()), changed=bool(items))

    def _articles(
        self, chosen: Sequence[SitemapEntry], known: Recent, state: SourceState, now: datetime
    ) -> Iterator[Chunk]:
        outcomes: Counter[str] = Counter()
        failures = 0
        for entry in chosen:
            page, error = self._read(entry, known, now)
            failures = 0 if error is None else failures + 1
            outcomes[page.outcome if page else "waits"] += 1
            items = (page.item,) if page and page.item else ()
            yield Chunk(items=items, state=replace(state, cursor=known.write()), changed=bool(items))
            if error is not None and (failures >= MAX_FAILURES or error.retry_after_s is not None):
                raise error
        if outcomes:
            log.info("sitemap_pages_read", source=self.name, **outcomes)

    def _read(self, entry: SitemapEntry, known: Recent, now: datetime) -> tuple[Page | None, TransientError | None]:
        """The page, or what stood in the way; remembers either."""
        page, error = None, None
        try:
            page = self._pages.read(entry, now=now)
        except TransientError as err:
            error = err
            if err.retry_after_s is None and known.failed(entry.url) >= MAX_TRIES:
                page = self._pages.title_only(entry, outcome="failed")
        if page is not None:
            known.take(entry.url, entry.at or now)
        return page, error

    def _fresh(self, listed: Sequence[SitemapEntry], known: Recent, now: datetime) -> list[SitemapEntry]:
        """What may be new, oldest first; without a date nothing can be told."""
        dated = {one.url: (one.at, one) for one in listed if one.at is not None and one.at <= now + AHEAD}
        fresh = [(at, url) for url, (at, _) in dated.items() if known.is_new(url, at) and self._wants(url)]
        return [dated[url][1] for _, url in sorted(fresh)]

    def _wants(self, url: str) -> bool:
        if self._include and not any(pattern.search(url) for pattern in self._include):
            return False
        return not any(pattern.search(url) for pattern in self._exclude)
