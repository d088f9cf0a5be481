"""Make the configured sources; all that fetch share one fetcher, hence one network door and one politeness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from monitor.net import HttpClient
from monitor.settings import EdgarSource as EdgarSettings
from monitor.settings import FeedSource as FeedSettings
from monitor.settings import FetchSettings, Settings
from monitor.settings import GdeltSource as GdeltSettings
from monitor.settings import JsonSource as JsonSettings
from monitor.settings import KafkaSource as TopicSettings
from monitor.settings import SitemapSource as SitemapSettings
from monitor.settings import Source as SourceSettings
from pipelines.sources.base import Source
from pipelines.sources.edgar import EdgarSource
from pipelines.sources.feed import FeedSource
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.file import FileSource
from pipelines.sources.gdelt import GdeltSource
from pipelines.sources.hacker_news import hacker_news_source
from pipelines.sources.json_api import JsonApi, JsonApiSource
from pipelines.sources.mastodon import mastodon_source
from pipelines.sources.parser_process import ArticleParser, FeedParser
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.reddit import reddit_source
from pipelines.sources.robots import Robots
from pipelines.sources.sitemap import SitemapSource
from pipelines.sources.sitemap_list import SitemapList
from pipelines.sources.sitemap_pages import PageReader
from pipelines.sources.stocktwits import stocktwits_source
from pipelines.sources.topic import TopicSource

Scheduled = list[tuple[Source, timedelta]]
MAX_SITEMAP_ENTRIES = 50_000  #: As many as the standard lets a sitemap have.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What sources share."""

    fetcher: Fetcher
    parser: FeedParser
    pages: ArticleParser
    robots: Robots
    settings: Settings
    closing: ExitStack  #: For what a source opens.

    @property
    def max_items(self) -> int:
        """Most items taken from one answer."""
        return self.settings.ingest.fetch.max_items


@contextmanager
def open_sources(settings: Settings) -> Iterator[Scheduled]:
    """The sources of `settings` with how often to ask each; the parsers' processes end with the block."""
    fetch = settings.ingest.fetch
    timeout_s, fetcher = fetch.parse_timeout.total_seconds(), _fetcher(fetch)
    with ExitStack() as stack:
        shared = _Shared(
            fetcher=fetcher,
            parser=stack.enter_context(closing(FeedParser(timeout_s=timeout_s, max_items=fetch.max_items))),
            pages=stack.enter_context(closing(ArticleParser(timeout_s=timeout_s, max_items=MAX_SITEMAP_ENTRIES))),
            robots=Robots(fetcher, user_agent=fetch.user_agent),
            settings=settings,
            closing=stack,
        )
        yield [(_make(source, shared), source.every) for source in settings.sources]


def _make(source: SourceSettings, shared: _Shared) -> Source:
    return _MAKERS[source.type](source, shared)


def _feed(source: FeedSettings, shared: _Shared) -> Source:
    return FeedSource(source, fetcher=shared.fetcher, parser=shared.parser)


def _edgar(source: EdgarSettings, shared: _Shared) -> Source:
    return EdgarSource(source, fetcher=shared.fetcher, parser=shared.parser)


def _gdelt(source: GdeltSettings, shared: _Shared) -> Source:
    return GdeltSource(source, fetcher=shared.fetcher)


def _sitemap(source: SitemapSettings, shared: _Shared) -> Source:
    max_bytes = shared.settings.ingest.fetch.max_bytes
    return SitemapSource(
        source,
        listing=SitemapList(source, fetcher=shared.fetcher, parser=shared.pages, max_bytes=max_bytes),
        pages=PageReader(source, fetcher=shared.fetcher, parser=shared.pages, robots=shared.robots),
    )


def _topic(source: TopicSettings, shared: _Shared) -> Source:
    from pipelines.brokers.kafka_reader import KafkaTopicReader

    reader = KafkaTopicReader(
        source.cluster or shared.settings.kafka,
        topic=source.topic,
        group=source.group,
        max_records=source.max_poll_records,
    )
    return TopicSource(source, reader=shared.closing.enter_context(closing(reader)))


def _json(source: JsonSettings, shared: _Shared) -> Source:
    api = JsonApi(source, fetcher=shared.fetcher, max_items=shared.max_items)
    return JsonApiSource(source.name, {"items": api})


def _known(make: Callable[..., Source]) -> Callable[[Any, _Shared], Source]:
    """The maker of a source that is known by name."""
    return lambda source, shared: make(source, fetcher=shared.fetcher, max_items=shared.max_items)


#: By the type that the configuration gives a source; each takes that type's own settings.
_MAKERS: Mapping[str, Callable[[Any, _Shared], Source]] = {
    "feed": _feed,
    "file": lambda source, _: FileSource(source),
    "json": _json,
    "reddit": _known(reddit_source),
    "hackernews": _known(hacker_news_source),
    "stocktwits": _known(stocktwits_source),
    "mastodon": _known(mastodon_source),
    "edgar": _edgar,
    "gdelt": _gdelt,
    "sitemap": _sitemap,
    "kafka": _topic,
}


def _fetcher(fetch: FetchSettings) -> Fetcher:
    client = HttpClient(
        user_agent=fetch.user_agent,
        timeout_s=fetch.timeout.total_seconds(),
        max_bytes=fetch.max_bytes,
        max_redirects=fetch.max_redirects,
        allow_private=fetch.allow_private,
    )
    return Fetcher(client, HostPoliteness(fetch.per_host_interval.total_seconds()))
