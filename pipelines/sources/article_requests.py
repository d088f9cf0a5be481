"""What crosses the pipes between the article parser and its parent; apart, so that the parent loads no parser."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What precedes a body."""

    what: Literal["article", "sitemap"]
    content_type: str
    url: str
    max_items: int  #: Entries of a sitemap.
    alarm_s: int  #: The process ends itself after so long, should the parent be gone.


class ParsedArticle(msgspec.Struct, frozen=True, kw_only=True):
    """What could be got out of a page; plain text."""

    title: str = ""
    text: str = ""
    published_at: str | None = None  #: RFC 3339, or a date alone, as the page says.
    author: str | None = None
    lang: str | None = None
    free: bool = True  #: False: the page says that the whole is for subscribers.
    problem: str | None = None


class SitemapEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A page, or a sitemap of an index."""

    url: str
    modified_at: datetime | None = None  #: UTC.
    published_at: datetime | None = None  #: UTC; from the news fields.
    title: str = ""  #: From the news fields; plain text.
    lang: str | None = None

    @property
    def at(self) -> datetime | None:
        """When it became known: published, else changed."""
        return self.published_at or self.modified_at


class ParsedSitemap(msgspec.Struct, frozen=True, kw_only=True):
    """What could be got out of a body."""

    kind: str = ""  #: `urlset`, `sitemapindex`, or empty: no sitemap.
    entries: list[SitemapEntry] = []
    found: int = 0  #: Entries in the body; more than `entries` when there were too many or some without address.
    problem: str | None = None
