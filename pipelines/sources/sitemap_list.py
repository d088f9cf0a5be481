"""Read a site's list of pages: a sitemap, or an index with the sitemaps that are new enough.

In: its address. Out: entries with addresses of hosts that are allowed. A gzipped sitemap is unpacked under the same cap
as every body. One sitemap of an index that is broken costs itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from monitor.errors import InvalidRecordError, PermanentError
from monitor.net.body import read_body
from monitor.settings import SitemapSource as SitemapSettings
from pipelines.sources.article_requests import ParsedSitemap, SitemapEntry
from pipelines.sources.fetcher import NOTHING_NEW, Fetcher
from pipelines.sources.parser_process import ArticleParser

log = structlog.get_logger(__name__)

ACCEPT = "application/xml, text/xml;q=0.9, */*;q=0.1"
SLACK = timedelta(days=1)  #: A sitemap's own date is often one of a day alone.

_GZIP = b"\x1f\x8b"
_NUMBER = re.compile(r"(\d{1,18})")


class Hosts:
    """The hosts that may be fetched from."""

    def __init__(self, settings: SitemapSettings) -> None:
        own = urlsplit(str(settings.url))
        self._netloc = own.netloc.lower()
        self._hosts = {own.hostname or "", *(host.lower() for host in settings.hosts)}

    def allow(self, url: str) -> bool:
        """True for an address over HTTP at one of them; a port must be the sitemap's own."""
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and (parts.hostname or "") in self._hosts
            return known and (parts.port is None or parts.netloc.lower() == self._netloc)
        except ValueError:
            return False


class SitemapList:
    """The list of one site."""

    def __init__(self, settings: SitemapSettings, *, fetcher: Fetcher, parser: ArticleParser, max_bytes: int) -> None:
        self._settings = settings
        self._url = str(settings.url)
        self._fetcher = fetcher
        self._parser = parser
        self._max_bytes = max_bytes
        self._hosts = Hosts(settings)

    def read(self, *, now: datetime) -> Sequence[SitemapEntry]:
        """Every entry that is listed now, of whatever age.

        Raises `InvalidRecordError` for what is no sitemap, and what the fetcher raises.
        """
        top = self._fetch(self._url, now)
        if top.kind == "urlset":
            return self._allowed(top)
        entries: list[SitemapEntry] = []
        problems: list[Exception] = []
        chosen = self._newest(top, since=now - self._settings.max_age - SLACK)
        for one in chosen:
            try:
                entries += self._allowed(self._fetch(one.url, now))
            except (PermanentError, InvalidRecordError) as err:
                log.warning("sitemap_of_index_skipped", source=self._settings.name, url=one.url, error=str(err))
                problems.append(err)
        if problems and len(problems) == len(chosen):
            raise problems[0]
        return entries

    def _newest(self, index: ParsedSitemap, *, since: datetime) -> list[SitemapEntry]:
        """Sitemaps that may hold new pages: by date, those without one by the numbers in their names."""
        listed = self._allowed(index)
        dated = [one for one in listed if one.modified_at and one.modified_at >= since]
        dated.sort(key=lambda one: one.modified_at or since, reverse=True)
        undated = sorted(
            (one for one in listed if not one.modified_at), key=lambda one: _natural(one.url), reverse=True
        )
        return (dated + undated)[: self._settings.max_sitemaps]

    def _allowed(self, found: ParsedSitemap) -> list[SitemapEntry]:
        return [one for one in found.entries if self._hosts.allow(one.url)]

    def _fetch(self, url: str, now: datetime) -> ParsedSitemap:
        response = self._fetcher.get(url, headers={"accept": ACCEPT}, now=now)
        if not self._hosts.allow(response.url):
            raise PermanentError(f"{url} leads to another host; add it to hosts if that is right")
        if response.status in NOTHING_NEW:
            return ParsedSitemap(kind="urlset")
        body = response.body
        if body.startswith(_GZIP):
            body = read_body([body], "gzip", max_bytes=self._max_bytes)
        found = self._parser.sitemap(body, url=url)
        if not found.kind:
            content_type = response.headers.get("content-type", "")[:80] or "no content type"
            raise InvalidRecordError(f"not a sitemap ({content_type}): {found.problem or 'no urlset in it'}")
        if found.problem or found.found > len(found.entries):
            left = found.found - len(found.entries)
            log.info("sitemap_read_in_part", source=self._settings.name, problem=found.problem, entries_left=left)
        return found


def _natural(url: str) -> list[tuple[int, str]]:
    """`map-9` before `map-10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBER.split(url)]
