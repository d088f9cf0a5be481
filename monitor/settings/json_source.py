"""Section for a JSON API as a source: its address, paths into its answers, its pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from monitor.domain import SourceClass
from monitor.json_path import parse_path
from monitor.settings.base import Duration, Name, Section

PLACEHOLDERS = ("since", "cursor", "page")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset({"accept-encoding", "connection", "content-length", "host", "te", "transfer-encoding", "upgrade"})
_PROBE = datetime(2026, 11, 24, 12, 34, 56, tzinfo=UTC)


def _path(text: str) -> str:
    parse_path(text)
    return text


def _one(text: str) -> str:
    if parse_path(text).many:
        raise ValueError(f"{text}: [*] finds many values where one is needed; write for example [0]")
    return text


def _list(text: str) -> str:
    if "|" in text or text.count("[*]") > 1:
        raise ValueError(f"{text}: must lead to one list; write for example data.items or data.children[*].data")
    return text


def _template(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
        raise ValueError("must be an address that begins with http:// or https:// and a host")
    if wrong := [name for name in _PLACEHOLDER.findall(url) if name not in PLACEHOLDERS]:
        raise ValueError(f"{{{wrong[0]}}} is no placeholder; allowed: {{since}}, {{cursor}}, {{page}}")
    return url


def _date_format(text: str) -> str:
    if text in ("rfc3339", "epoch_s", "epoch_ms"):
        return text
    try:
        datetime.strptime(_PROBE.strftime(text), text)  # noqa: DTZ007 - only whether it can be read back
    except ValueError as err:
        raise ValueError(f"{text}: not a date format: {err}") from err
    if "%" not in text:
        raise ValueError(f"{text}: must be rfc3339, epoch_s, epoch_ms or a format such as %Y-%m-%d %H:%M:%S")
    return text


AnyPath = Annotated[str, AfterValidator(_path)]
OnePath = Annotated[str, AfterValidator(_one)]
ListPath = Annotated[str, AfterValidator(_path), AfterValidator(_list)]
UrlTemplate = Annotated[str, AfterValidator(_template)]
DateFormat = Annotated[str, AfterValidator(_date_format)]


class HeaderSettings(Section):
    """A header that is sent with each request."""

    name: str
    """Name of the header."""

    value: str = ""
    """What is sent; with a secret, what stands before it (`"Bearer "`)."""

    secret: SecretStr | None = None
    """A secret at the end of the value; better from the environment or `secret_file`. Stays with its server."""

    secret_file: Path | None = None
    """A file that holds the secret."""

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if not _HEADER_NAME.fullmatch(self.name) or self.name.lower() in _OURS:
            raise ValueError("name: not the name of a header that can be set")
        whole = self.value + (self.secret.get_secret_value() if self.secret else "")
        if not (whole.isascii() and whole.isprintable()):
            raise ValueError(f"header {self.name}: the value must be printable ASCII, without line ends")
        return self


class FieldPaths(Section):
    """Where the fields of a document are in an item: paths such as `user.name` or `title | headline`."""

    published_at: OnePath
    """When it appeared."""

    published_at_format: DateFormat = "rfc3339"
    """rfc3339, epoch_s, epoch_ms, or a format such as `%Y-%m-%d %H:%M:%S` (UTC where it holds no zone)."""

    id: OnePath | None = None
    """The API's own id; left out: the address, or the text, tells items apart."""

    title: OnePath | None = None
    """Title."""

    text: OnePath | None = None
    """Text."""

    url: OnePath | None = None
    """Address."""

    author: OnePath | None = None
    """Author."""

    lang: OnePath | None = None
    """Language."""

    entities: AnyPath | None = None
    """Tickers, for example `symbols[*].symbol`."""

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        if self.title is None and self.text is None:
            raise ValueError("title or text must be given")
        return self


class PagingSettings(Section):
    """How the next page is asked for, and how only what is new."""

    next: OnePath | None = None
    """Path in the answer to the value of `{cursor}` for the next page, or, without `{cursor}`, to its address."""

    more: OnePath | None = None
    """Path in the answer to true or false: whether there is a next page."""

    pages: OnePath | None = None
    """Path in the answer to the number of pages, where they are asked for by `{page}`."""

    since: OnePath | None = None
    """Path in an item to the value of `{since}`, which grows from item to item: an id, a time."""

    overlap: Annotated[int, Field(ge=0)] = 0
    """Ask again for so much before `{since}`, where that is a whole number: items may turn up late."""

    order: Literal["newest_first", "oldest_first"] = "newest_first"
    """Order of the pages: whether the next page is older or newer than this one."""

    first_page: Annotated[int, Field(ge=0)] = 1
    """Value of `{page}` for the first page."""

    max_pages: Annotated[int, Field(ge=1, le=100)] = 5
    """Most pages in one poll; a longer list is read on by the next poll."""


class JsonSource(Section):
    """Any API that answers with JSON."""

    type: Literal["json"]
    """A JSON API, read by paths into its answers."""

    name: Name
    """Name of the source, in metrics and evidence."""

    url: UrlTemplate
    """Address; `{since}`, `{cursor}`, `{page}` are filled in; a parameter whose placeholder has no value is dropped."""

    headers: tuple[HeaderSettings, ...] = ()
    """Headers to send."""

    items: ListPath
    """Path in the answer to the list of items; empty where the answer is the list."""

    fields: FieldPaths
    """Paths in an item."""

    paging: PagingSettings = PagingSettings()
    """Pages."""

    html: bool = False
    """Title and text are HTML."""

    lang: str | None = None
    """Language of the items, where they do not say."""

    source_class: SourceClass = SourceClass.NEWS
    """What kind of source it is: news, social or filing."""

    every: Duration = timedelta(minutes=5)
    """How often to ask; spread by a tenth either way."""

    @model_validator(mode="after")
    def _pages_fit(self) -> Self:
        names, paging = _PLACEHOLDER.findall(self.url), self.paging
        if "since" in names and paging.since is None:
            raise ValueError("url has {since}, but paging.since does not say where its value is")
        if "cursor" in names and paging.next is None:
            raise ValueError("url has {cursor}, but paging.next does not say where its value is")
        if "page" in names and (paging.next or paging.order == "oldest_first"):
            raise ValueError("url has {page}: that goes with neither paging.next nor oldest_first")
        if paging.since is not None and paging.order == "oldest_first" and "since" not in names:
            raise ValueError("paging.since with oldest_first needs {since} in url")
        return self
