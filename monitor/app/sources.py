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
from monitor.settings import Source as SourceSettings
from pipelines.sources.base import Source
from pipelines.sources.feed import FeedSource
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.file import FileSource
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness

Scheduled = list[tuple[Source, timedelta]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What sources share."""

    fetcher: Fetcher
    parser: FeedParser


@contextmanager
def open_sources(settings: Settings) -> Iterator[Scheduled]:
    """The sources of `settings` with how often to ask each; the parser's processes end with the block."""
    fetch = settings.ingest.fetch
    parser = FeedParser(timeout_s=fetch.parse_timeout.total_seconds(), max_items=fetch.max_items)
    shared = _Shared(fetcher=_fetcher(fetch), parser=parser)
    with closing(parser):
        yield [(_make(source, shared), source.every) for source in settings.sources]


def _make(source: SourceSettings, shared: _Shared) -> Source:
    return _MAKERS[source.type](source, shared)


def _feed(source: FeedSettings, shared: _Shared) -> Source:
    return FeedSource(source, fetcher=shared.fetcher, parser=shared.parser)


#: By the type that the configuration gives a source; each takes that type's own settings.
_MAKERS: Mapping[str, Callable[[Any, _Shared], Source]] = {
    "feed": _feed,
    "file": lambda source, _: FileSource(source),
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
