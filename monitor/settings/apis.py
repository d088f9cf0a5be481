"""Sections for sources that are known by name: what to take from them, and the manners that each asks for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, SecretStr

from monitor.domain import SourceClass
from monitor.settings.base import Duration, Name, Section

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,100}$")]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,14}$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.\-]{0,252}$")]


class RedditSource(Section):
    """New posts of subreddits."""

    type: Literal["reddit"]
    """Reddit's public JSON."""

    name: Name
    """Name of the source, in metrics and evidence."""

    subreddits: Annotated[tuple[Word, ...], Field(min_length=1, max_length=50)]
    """Subreddits, without r/."""

    base_url: AnyHttpUrl = AnyHttpUrl("https://www.reddit.com")
    """The server; `https://oauth.reddit.com` with a token."""

    token: SecretStr | None = None
    """Access token; better from the environment or `token_file`."""

    token_file: Path | None = None
    """A file that holds the token."""

    max_pages: Annotated[int, Field(ge=1, le=10)] = 3
    """Most pages of a hundred posts in one poll."""

    source_class: SourceClass = SourceClass.SOCIAL
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=5)
    """How often to ask."""


class HackerNewsSource(Section):
    """What is written on Hacker News."""

    type: Literal["hackernews"]
    """Hacker News, through its search."""

    name: Name
    """Name of the source, in metrics and evidence."""

    query: str = ""
    """Words to look for; empty: everything."""

    tags: Annotated[str, Field(pattern=r"^[A-Za-z0-9_(),]+$")] = "story"
    """What to take: `story`, `comment`, `(story,comment)`."""

    base_url: AnyHttpUrl = AnyHttpUrl("https://hn.algolia.com")
    """The server."""

    max_pages: Annotated[int, Field(ge=1, le=10)] = 3
    """Most pages of a hundred hits in one poll."""

    source_class: SourceClass = SourceClass.SOCIAL
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=5)
    """How often to ask."""


class StockTwitsSource(Section):
    """Messages about symbols on StockTwits."""

    type: Literal["stocktwits"]
    """The symbol streams of StockTwits."""

    name: Name
    """Name of the source, in metrics and evidence."""

    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1, max_length=100)]
    """Symbols, upper case; each is a request of its own."""

    base_url: AnyHttpUrl = AnyHttpUrl("https://api.stocktwits.com")
    """The server."""

    token: SecretStr | None = None
    """Access token, for the higher limit; better from the environment or `token_file`."""

    token_file: Path | None = None
    """A file that holds the token."""

    max_pages: Annotated[int, Field(ge=1, le=25)] = 3
    """Most pages of thirty messages a symbol in one poll."""

    source_class: SourceClass = SourceClass.SOCIAL
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=15)
    """How often to ask; 200 requests an hour are free."""


class MastodonSource(Section):
    """Public posts with a hashtag, as one server knows them."""

    type: Literal["mastodon"]
    """A hashtag's timeline on a Mastodon server."""

    name: Name
    """Name of the source, in metrics and evidence."""

    instance: HostName
    """The server, for example mastodon.social."""

    tags: Annotated[tuple[Annotated[str, Field(pattern=r"^\w{1,100}$")], ...], Field(min_length=1, max_length=20)]
    """Hashtags, without #; posts with any of them."""

    base_url: AnyHttpUrl | None = None
    """Address of the server, where it is not https and the instance."""

    token: SecretStr | None = None
    """Access token, for servers that show nothing without; better from the environment or `token_file`."""

    token_file: Path | None = None
    """A file that holds the token."""

    max_pages: Annotated[int, Field(ge=1, le=25)] = 5
    """Most pages of forty posts in one poll."""

    source_class: SourceClass = SourceClass.SOCIAL
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=5)
    """How often to ask."""
