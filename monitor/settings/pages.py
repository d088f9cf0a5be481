"""Sections for sources that publish lists: SEC filings, GDELT, sitemaps with their pages, a Kafka topic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, Field, PositiveInt

from monitor.domain import SourceClass
from monitor.settings.apis import HostName, Symbol
from monitor.settings.base import Duration, Name, Section
from monitor.settings.data import KafkaSettings, StreamSettings

PLACEHOLDER_HOST = "example.invalid"  #: In the user agent that nobody has set yet.


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as err:
        raise ValueError(f"{text}: not a regular expression: {err}") from err
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Form = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9 \-]{0,19}$")]


class FilerSettings(Section):
    """A company that files with the SEC."""

    cik: Annotated[str, Field(pattern=r"^[0-9]{1,10}$", coerce_numbers_to_str=True)]
    """Its number at the SEC, with or without leading zeros."""

    ticker: Symbol
    """The entity that its filings are about."""


class EdgarSource(Section):
    """Filings with the SEC, as they are accepted."""

    type: Literal["edgar"]
    """The SEC's list of the latest filings. Wants `ingest.fetch.user_agent` to name a contact."""

    name: Name
    """Name of the source, in metrics and evidence."""

    forms: Annotated[tuple[Form, ...], Field(min_length=1, max_length=20)] = (
        "8-K", "10-Q", "10-K", "6-K", "20-F", "NT 10-Q", "NT 10-K",
    )  # fmt: skip
    """Forms to take, with their amendments; each is a request of its own."""

    companies: tuple[FilerSettings, ...] = ()
    """Companies to take; empty: all, without tickers."""

    max_pages: Annotated[int, Field(ge=1, le=20)] = 5
    """Most pages of a hundred filings, a form and poll."""

    base_url: AnyHttpUrl = AnyHttpUrl("https://www.sec.gov")
    """The server."""

    source_class: SourceClass = SourceClass.FILING
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=2)
    """How often to ask."""


class GdeltSource(Section):
    """News of the whole world that match a query, as GDELT sees them."""

    type: Literal["gdelt"]
    """GDELT's DOC 2.0 API."""

    name: Name
    """Name of the source, in metrics and evidence."""

    query: Annotated[str, Field(min_length=3, max_length=1000)]
    """What to look for, in GDELT's own notation: `("Acme Corp" OR acme) sourcelang:english`."""

    first_look: Annotated[Duration, Field(le=timedelta(days=80))] = timedelta(days=1)
    """How far back the first poll looks; a later one goes on where the last one ended."""

    max_pages: Annotated[int, Field(ge=4, le=20)] = 4
    """Most pages of 250 articles in one poll; the next poll goes on."""

    base_url: AnyHttpUrl = AnyHttpUrl("https://api.gdeltproject.org")
    """The server."""

    source_class: SourceClass = SourceClass.NEWS
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=15)
    """How often to ask; GDELT itself moves every 15 minutes."""


class SitemapSource(Section):
    """A site's own list of its pages, and the pages."""

    type: Literal["sitemap"]
    """A sitemap, best a news sitemap, or an index of them; also gzipped."""

    name: Name
    """Name of the source, in metrics and evidence."""

    url: AnyHttpUrl
    """Address of the sitemap."""

    articles: bool = True
    """Fetch the pages; without, a document is the title that a news sitemap gives."""

    include: tuple[Pattern, ...] = ()
    """Regular expressions; a page's address must hold one of them. Empty: all."""

    exclude: tuple[Pattern, ...] = ()
    """Regular expressions; a page's address must hold none of them."""

    hosts: Annotated[tuple[HostName, ...], Field(max_length=20)] = ()
    """Further hosts whose sitemaps and pages may be fetched; else the sitemap's own alone."""

    max_age: Annotated[Duration, Field(le=timedelta(days=14))] = timedelta(days=1)
    """Older pages are left alone, also by the first poll."""

    max_pages: Annotated[int, Field(ge=1, le=500)] = 30
    """Most pages fetched in one poll; the next poll goes on."""

    max_sitemaps: Annotated[int, Field(ge=1, le=50)] = 5
    """Most sitemaps of an index read in one poll, the newest first."""

    lang: str | None = None
    """Language of the pages, where neither they nor the sitemap say."""

    source_class: SourceClass = SourceClass.NEWS
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=10)
    """How often to ask."""


class KafkaSource(Section):
    """Documents from a topic of this Kafka or another; the same JSON as over HTTP push."""

    type: Literal["kafka"]
    """A Kafka topic, one document a record."""

    name: Name
    """Name of the source, for documents that name none."""

    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    """The topic."""

    start: Literal["earliest", "latest"] = "earliest"
    """Where the first poll begins; later ones begin where the last one ended."""

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] | None = None
    """Consumer group that is told the offsets too, for tools that show lag; our own memory of them is what counts."""

    cluster: KafkaSettings | None = None
    """How to reach the topic's cluster, with the keys of section kafka; left out: that section's."""

    max_poll_records: PositiveInt = Field(default=500, le=10_000)
    """Most records taken in hand at once."""

    max_poll_time: Duration = timedelta(seconds=20)
    """Longest that one poll reads on, however much there is."""

    source_class: SourceClass = SourceClass.NEWS
    """For documents that name no class."""

    every: Duration = timedelta(seconds=5)
    """How often to look for more."""


def refuse_unfit(sources: Iterable[Section], *, user_agent: str, kafka: KafkaSettings, stream: StreamSettings) -> None:
    """Refuse sources that do not go with the other sections; raises `ValueError`."""
    for source in sources:
        if isinstance(source, EdgarSource) and PLACEHOLDER_HOST in user_agent:
            raise ValueError(
                f"source {source.name}: the SEC refuses clients without a contact; "
                "set ingest.fetch.user_agent, for example to Acme Risk Desk (risk@acme.example)"
            )
        if isinstance(source, KafkaSource):
            _refuse_topic(source, kafka, stream)


def _refuse_topic(source: KafkaSource, kafka: KafkaSettings, stream: StreamSettings) -> None:
    servers = (source.cluster or kafka).bootstrap_servers
    if not servers:
        raise ValueError(
            f"source {source.name}: give cluster.bootstrap_servers or kafka.bootstrap_servers; "
            "the embedded log cannot be a source"
        )
    own = {f"{stream.topic_prefix}.{topic}" for topic in ("documents", "labels", "dead-letters")}
    if source.topic in own and set(servers) & set(kafka.bootstrap_servers):
        raise ValueError(f"source {source.name}: topic {source.topic} is one that tapewatch writes itself")
