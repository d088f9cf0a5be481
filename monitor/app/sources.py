"""Make the configured sources; all that fetch share one fetcher, hence one network door and one politeness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from monitor.net import HttpClient
from monitor.settings import FeedSource as FeedSettings
from monitor.settings import FetchSettings, Settings
from monitor.settings import JsonSource as JsonSettings
from monitor.settings import Source as SourceSettings
from pipelines.sources.base import Source
from pipelines.sources.feed import FeedSource
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.file import FileSource
from pipelines.sources.hacker_news import hacker_news_source
from pipelines.sources.json_api import JsonApi, JsonApiSource
from pipelines.sources.mastodon import mastodon_source
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.reddit import reddit_source
from pipelines.sources.stocktwits import stocktwits_source

Scheduled = list[tuple[Source, timedelta]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What sources share."""

    fetcher: Fetcher
    parser: FeedParser
    max_items: int  #: Most items taken from one answer.


@contextmanager
def open_sources(settings: Settings) -> Iterator[Scheduled]:
    """The sources of `settings` with how often to ask each; the parser's processes end with the block."""
    fetch = settings.ingest.fetch
    parser = FeedParser(timeout_s=fetch.parse_timeout.total_seconds(), max_items=fetch.max_items)
    shared = _Shared(fetcher=_fetcher(fetch), parser=parser, max_items=fetch.max_items)
    with closing(parser):
        yield [(_make(source, shared), source.every) for source in settings.sources]


def _make(source: SourceSettings, shared: _Shared) -> Source:
    return _MAKERS[source.type](source, shared)


def _feed(source: FeedSettings, shared: _Shared) -> Source:
    return FeedSource(source, fetcher=shared.fetcher, parser=shared.parser)


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
