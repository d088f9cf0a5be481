"""Sitemap bytes to entries: a sitemap of pages (with Google's news fields) or an index of sitemaps.

Runs in the article parser's process. Entities and document types are refused outright: no sitemap has any, and they
are what attacks on XML parsers are made of. What is not well-formed gives what came before, and says so.
"""

from __future__ import annotations

import re

from lxml import etree

from pipelines.sources.article_requests import ParsedSitemap, SitemapEntry
from pipelines.sources.w3c_dates import read_w3c_date

MAX_URL_CHARS = 2000
MAX_TITLE_CHARS = 1000
MAX_DATE_CHARS = 40
MAX_LANG_CHARS = 20
_HEAD_BYTES = 200

_BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});)")
#: Where the fields stand: the elements below `urlset` or `sitemapindex`, without their namespaces.
_FIELDS = {
    ("url", "loc"): "url",
    ("url", "lastmod"): "modified_at",
    ("url", "news", "title"): "title",
    ("url", "news", "publication_date"): "published_at",
    ("url", "news", "publication", "language"): "lang",
    ("sitemap", "loc"): "url",
    ("sitemap", "lastmod"): "modified_at",
}
_LIMITS = {"url": MAX_URL_CHARS + 1, "title": MAX_TITLE_CHARS, "lang": MAX_LANG_CHARS}


class _RefusedError(Exception):
    """The body holds what no sitemap needs."""


class _Collector:
    """Takes the parser's events, so that no tree is built."""

    def __init__(self, max_items: int) -> None:
        self.kind = ""
        self.entries: list[SitemapEntry] = []
        self.found = 0
        self._max_items = max_items
        self._path: list[str] = []
        self._fields: dict[str, str] = {}

    def doctype(self, *_: object) -> None:
        """Refuse: entities are declared there."""
        raise _RefusedError("a document type (DOCTYPE) is not allowed in a sitemap")

    def start(self, tag: str, _attributes: object, _namespaces: object = None) -> None:
        """An element begins."""
        name = tag.rpartition("}")[2]
        if not self._path and not self.kind:
            self.kind = name if name in ("urlset", "sitemapindex") else ""
        self._path.append(name)

    def data(self, text: str) -> None:
        """Text, perhaps in parts."""
        field = _FIELDS.get(tuple(self._path[1:]))
        if field and self.kind:
            known = self._fields.get(field, "")
            limit = _LIMITS.get(field, MAX_DATE_CHARS)
            self._fields[field] = known + text[: max(0, limit - len(known))] if known else text.lstrip()[:limit]

    def end(self, _tag: str) -> None:
        """An element ends."""
        if self.kind and self._path[1:] in (["url"], ["sitemap"]):
            self._take()
        del self._path[-1:]

    def close(self) -> None:
        """Nothing is returned."""

    def _take(self) -> None:
        self.found += 1
        entry = _entry(self._fields)
        self._fields = {}
        if entry and len(self.entries) < self._max_items:
            self.entries.append(entry)


def parse_sitemap(body: bytes, *, max_items: int) -> ParsedSitemap:
    """Parse `body`, well-formed or not."""
    collector = _Collector(max_items)
    parser = etree.XMLParser(
        target=collector, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=True,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    problem: str | None = None
    try:
        parser.feed(body if b"\0" in body[:_HEAD_BYTES] else _BARE_AMPERSAND.sub(b"&amp;", body.lstrip()))
        parser.close()
    except _RefusedError as err:
        return ParsedSitemap(problem=str(err))
    except etree.XMLSyntaxError as err:
        problem = str(err)[:300]
    return ParsedSitemap(kind=collector.kind, entries=collector.entries, found=collector.found, problem=problem)


def _entry(fields: dict[str, str]) -> SitemapEntry | None:
    url = fields.get("url", "").strip()
    if not url or len(url) > MAX_URL_CHARS:
        return None
    return SitemapEntry(
        url=url,
        modified_at=read_w3c_date(fields.get("modified_at", "")),
        published_at=read_w3c_date(fields.get("published_at", "")),
        title=fields.get("title", "").strip(),
        lang=fields.get("lang", "").strip() or None,
    )
