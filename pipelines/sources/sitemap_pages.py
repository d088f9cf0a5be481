"""Read one page of a sitemap: an entry in, its document out; without a text of use, the title that the sitemap gives.

Outcomes: read; disallowed (by robots.txt), refused (by the server), elsewhere (it leads to another host), no_page (not
HTML), unreadable (the parser gave up), paywalled, empty, old (the page itself is older than is asked for), failed (it
could not be had in several polls).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

import msgspec

from monitor.errors import PermanentError
from monitor.settings import SitemapSource as SitemapSettings
from pipelines.sources.article_requests import ParsedArticle, SitemapEntry
from pipelines.sources.base import RawItem
from pipelines.sources.fetcher import NOTHING_NEW, Fetcher
from pipelines.sources.parser_process import ArticleParser, GivenUpError
from pipelines.sources.robots import Robots
from pipelines.sources.sitemap_list import Hosts
from pipelines.sources.w3c_dates import read_w3c_date

MIN_TEXT_CHARS = 40  #: Less is a notice that one should log in, or the like.
ACCEPT = "text/html, application/xhtml+xml;q=0.9"

Outcome = Literal[
    "read", "disallowed", "refused", "elsewhere", "no_page", "unreadable", "paywalled", "empty", "old", "failed",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What became of an entry."""

    outcome: Outcome
    item: RawItem | None  #: None: nothing is left of it.


class _NoTextError(Exception):
    """The page gives no text of use."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class PageReader:
    """Reads the pages of one site."""

    def __init__(self, settings: SitemapSettings, *, fetcher: Fetcher, parser: ArticleParser, robots: Robots) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._parser = parser
        self._robots = robots
        self._hosts = Hosts(settings)

    def read(self, entry: SitemapEntry, *, now: datetime) -> Page:
        """Fetch and parse; raises `TransientError` for what may be better later."""
        try:
            article = self._article(entry, now)
        except _NoTextError as err:
            return self.title_only(entry, outcome=err.outcome)
        published_at = _published_at(entry, article)
        if published_at is not None and published_at < now - self._settings.max_age:
            return Page(outcome="old", item=None)
        return Page(outcome="read", item=self._item(entry, article, published_at))

    def title_only(self, entry: SitemapEntry, *, outcome: Outcome) -> Page:
        """The title that the sitemap gives, where it gives one."""
        return Page(outcome=outcome, item=self.title(entry))

    def title(self, entry: SitemapEntry) -> RawItem | None:
        """A document of the title that the sitemap gives."""
        return self._item(entry, ParsedArticle(), entry.at) if entry.title else None

    def _article(self, entry: SitemapEntry, now: datetime) -> ParsedArticle:
        body, content_type = self._fetch(entry.url, now)
        try:
            article = self._parser.article(body, content_type=content_type, url=entry.url)
        except GivenUpError as err:  # It would take the parser down again.
            raise _NoTextError("unreadable") from err
        if article.problem:
            raise _NoTextError("unreadable")
        if not article.free:
            raise _NoTextError("paywalled")
        if len(article.text) < MIN_TEXT_CHARS:
            raise _NoTextError("empty")
        return article

    def _fetch(self, url: str, now: datetime) -> tuple[bytes, str]:
        if not self._robots.allows(url, now=now):
            raise _NoTextError("disallowed")
        try:
            response = self._fetcher.get(url, headers={"accept": ACCEPT}, now=now)
        except PermanentError as err:
            raise _NoTextError("refused") from err
        if not self._hosts.allow(response.url):
            raise _NoTextError("elsewhere")
        content_type = response.headers.get("content-type", "")[:200]
        if response.status in NOTHING_NEW or (content_type and "html" not in content_type.lower()):
            raise _NoTextError("no_page")
        return response.body, content_type

    def _item(self, entry: SitemapEntry, article: ParsedArticle, published_at: datetime | None) -> RawItem:
        return RawItem(
            source=self._settings.name,
            source_class=self._settings.source_class,
            raw=msgspec.json.encode({"entry": entry, "article": article}),
            id=entry.url,
            published_at=published_at,
            title=entry.title or article.title,
            text=article.text,
            url=entry.url,
            lang=article.lang or entry.lang or self._settings.lang,
            author=article.author,
            lenient_date=True,
        )


def _published_at(entry: SitemapEntry, article: ParsedArticle) -> datetime | None:
    """By the news fields of the sitemap, else as the page says, else when it was changed."""
    said = read_w3c_date(article.published_at or "")
    if entry.published_at or said is None:
        return entry.at
    changed = entry.modified_at
    if said.time() == time(0) and changed is not None and changed.date() == said.date():
        return changed  # The page names the day alone.
    return said
