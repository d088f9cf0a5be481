"""Make the configured sources; all feeds share one network door, one parser and one politeness."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

from monitor.net import HttpClient
from monitor.settings import FeedSource as FeedSettings
from monitor.settings import Settings
from pipelines.sources.base import Source
from pipelines.sources.feed import FeedSource
from pipelines.sources.file import FileSource
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness

Scheduled = list[tuple[Source, timedelta]]


@contextmanager
def open_sources(settings: Settings) -> Iterator[Scheduled]:
    """The sources of `settings` with how often to ask each; the parser's processes end with the block."""
    fetch = settings.ingest.fetch
    client = HttpClient(
        user_agent=fetch.user_agent,
        timeout_s=fetch.timeout.total_seconds(),
        max_bytes=fetch.max_bytes,
        max_redirects=fetch.max_redirects,
        allow_private=fetch.allow_private,
    )
    politeness = HostPoliteness(fetch.per_host_interval.total_seconds())
    parser = FeedParser(timeout_s=fetch.parse_timeout.total_seconds(), max_items=fetch.max_items)
    with closing(parser):
        yield [
            (
                FeedSource(source, client=client, parser=parser, politeness=politeness)
                if isinstance(source, FeedSettings)
                else FileSource(source),
                source.every,
            )
            for source in settings.sources
        ]
