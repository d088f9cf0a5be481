"""Sections for what comes in: sources, fetching, HTTP push, the watchlist."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, Field, PositiveInt

from monitor.domain import SourceClass
from monitor.securities import canonical_code, checked_isin
from monitor.settings.apis import HackerNewsSource, MastodonSource, RedditSource, StockTwitsSource
from monitor.settings.base import Duration, Name, Section
from monitor.settings.json_source import JsonSource
from monitor.settings.pages import EdgarSource, GdeltSource, KafkaSource, SitemapSource


class FeedSource(Section):
    """An RSS or Atom feed."""

    type: Literal["feed"] = "feed"
    """An RSS or Atom feed over HTTP."""

    name: Name
    """Name of the source, in metrics and evidence."""

    url: AnyHttpUrl
    """Address of the feed."""

    source_class: SourceClass = SourceClass.NEWS
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=5)
    """How often to ask; spread by a tenth either way."""

    lang: str | None = None
    """Language of the items, where the feed does not say."""


class FileSource(Section):
    """Documents from a file: read to its end, then watched for appended lines (JSON lines) or for change."""

    type: Literal["file"]
    """A JSON-lines (`.jsonl`, `.jsonl.gz`), CSV or Parquet file."""

    name: Name
    """Name of the source, for documents that name none."""

    path: Path
    """The file."""

    source_class: SourceClass = SourceClass.NEWS
    """For documents that name no class."""

    every: Duration = timedelta(seconds=10)
    """How often to look for more."""


Source = Annotated[
    FeedSource
    | FileSource
    | JsonSource
    | RedditSource
    | HackerNewsSource
    | StockTwitsSource
    | MastodonSource
    | EdgarSource
    | GdeltSource
    | SitemapSource
    | KafkaSource,
    Field(discriminator="type"),
]


class FetchSettings(Section):
    """The network rules for every fetch."""

    user_agent: str = "tapewatch/0.1 (+https://example.invalid/set-your-contact)"
    """Sent with every request; say who you are."""

    timeout: Duration = timedelta(seconds=20)
    """For the whole answer, body included."""

    max_bytes: PositiveInt = 5_000_000
    """Largest body, after decompression."""

    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """Redirects followed; each address is checked again."""

    per_host_interval: Duration = timedelta(seconds=1)
    """Least time between two requests to one host."""

    parse_timeout: Duration = timedelta(seconds=5)
    """A feed that takes longer to parse is given up; the parser is killed."""

    max_items: PositiveInt = 1000
    """Items taken from one feed answer; the rest is counted and left."""

    max_backoff: Duration = timedelta(hours=1)
    """Longest wait after failures."""

    allow_private: bool = False
    """Let feeds come from addresses that are not public (loopback, private networks)."""


class DocumentLimits(Section):
    """What a document may be."""

    max_text_chars: PositiveInt = 20_000
    """Longer texts are cut, and counted as cut."""

    max_title_chars: PositiveInt = 500
    """Longer titles are cut."""

    future_tolerance: Duration = timedelta(minutes=10)
    """A document dated further ahead is refused (push, files) or dated when seen (feeds)."""


class PushSettings(Section):
    """`POST /api/v1/documents`."""

    enabled: bool = True
    """Take documents over HTTP."""

    max_documents: PositiveInt = 1000
    """Most documents in one request."""


class IngestSettings(Section):
    """How sources are polled."""

    workers: PositiveInt = 4
    """Sources polled at once by this process."""

    lease: Duration = timedelta(minutes=2)
    """A source whose worker is silent for so long goes to another."""

    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of `every` by which polls are spread."""

    fetch: FetchSettings = FetchSettings()
    """Network rules."""

    documents: DocumentLimits = DocumentLimits()
    """Limits of a document."""

    push: PushSettings = PushSettings()
    """HTTP push."""


WatchGroup = Literal["us", "europe", "china", "japan", "korea", "india", "central_banks"]
"""Groups of the shipped list of large companies, central banks and regulators."""


class WatchedEntity(Section):
    """A company, currency or institution to follow."""

    ticker: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,14}$")]
    """Exchange ticker, upper case."""

    name: str = Field(min_length=1)
    """Name as in the news; matched as whole words."""

    aliases: tuple[str, ...] = ()
    """Other names, matched as whole words; the case counts for aliases of up to four letters."""

    isin: Annotated[str, AfterValidator(checked_isin)] | None = None
    """ISIN; its check digit must be right."""

    codes: tuple[Annotated[str, AfterValidator(canonical_code)], ...] = ()
    """Exchange codes: `600519.SH`, `SZ000001`, `0700.HK`; with the suffix US a second ticker: `GOOG.US`."""

    exact: bool = False
    """Find the name and the aliases only as they are written here, capitals included."""

    unless: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Phrases that hold a name but mean something else: `price target`."""


class WatchlistSettings(Section):
    """What is watched."""

    entities: tuple[WatchedEntity, ...] = ()
    """Entities listed here."""

    shipped: tuple[WatchGroup, ...] = ()
    """Groups of the shipped list that are watched too; an entity of yours stands in for a shipped one."""

    file: Path | None = None
    """A CSV file with columns `ticker,name` and, as wanted, `aliases,isin,codes,exact,unless`, parted by `|`."""
