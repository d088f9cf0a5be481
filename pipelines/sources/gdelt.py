"""GDELT's DOC 2.0 API: articles that match a query, from all over the world, by title.

In: pages of 250 articles, asked for from the oldest that is not known on, so that a poll that ends early loses nothing.
Out: one item an article, dated when GDELT saw it. An article is known by its address. GDELT answers many a mistake with
status 200 and a sentence: that sentence is the error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog

from monitor.errors import InvalidRecordError, TransientError
from monitor.net import Response
from monitor.ports import SourceState
from monitor.settings import GdeltSource as GdeltSettings
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.gdelt_languages import language_tag
from pipelines.sources.recent import AHEAD, Recent

log = structlog.get_logger(__name__)

PAGE = 250  #: The most that GDELT gives at once.
LATE = timedelta(minutes=30)  #: An article may be found so much after another that was seen later.
LONGEST_LOOK = timedelta(days=80)  #: GDELT knows three months.
IDLE_LOOK = timedelta(days=1)  #: Asked for where nothing matched for longer.
MIN_INTERVAL_S = 5.5  #: GDELT asks for one request in five seconds.
BUSY_S = 60.0

_MOMENT = "%Y%m%d%H%M%S"
_SEEN = "%Y%m%dT%H%M%SZ"
_BACKSLASH = re.compile(rb'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')
_CONTROL = re.compile(rb"[\x00-\x1f]")


class _Article(msgspec.Struct, frozen=True):
    url: str = ""
    title: str = ""
    seendate: str = ""
    language: str = ""


class _Answer(msgspec.Struct, frozen=True):
    articles: list[msgspec.Raw] = []


@dataclass(frozen=True, slots=True)
class _Seen:
    """An article of an answer."""

    at: datetime
    article: _Article
    raw: bytes


class GdeltSource:
    """The articles of one query."""

    def __init__(self, settings: GdeltSettings, *, fetcher: Fetcher) -> None:
        self._settings = settings
        self._fetcher = fetcher
        fetcher.keep_distance(urlsplit(str(settings.base_url)).hostname or "", MIN_INTERVAL_S)

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._settings.name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Ask on from where the last poll ended; a chunk a page."""
        look = LONGEST_LOOK if state.cursor else self._settings.first_look
        known = Recent.read(state.cursor, oldest=now - look)
        start, full = known.floor, True
        for _ in range(self._settings.max_pages):
            page = self._fetch(start, now)
            full, seen = len(page) >= PAGE, _seen(page, now)
            items = [self._raw(one) for one in seen if known.is_new(one.article.url, one.at)]
            for one in seen:
                known.take(one.article.url, one.at)
            start = self._after(start, seen) if full else start
            known.forget_before((start if full else max(known.newest or start, now - IDLE_LOOK)) - LATE)
            state = replace(state, cursor=known.write())
            yield Chunk(items=items, state=state, changed=bool(items))
            if not full:
                return

    def _after(self, start: datetime, seen: Sequence[_Seen]) -> datetime:
        """Where the next page starts; beyond an instant that has more articles than GDELT gives at once."""
        last = max((one.at for one in seen), default=start)
        if last > start:
            return last
        log.warning("gdelt_instant_too_full", source=self.name, at=start.isoformat(), page=PAGE)
        return start + timedelta(seconds=1)

    def _fetch(self, start: datetime, now: datetime) -> list[msgspec.Raw]:
        query = {
            "query": self._settings.query,
            "mode": "artlist",
            "format": "json",
            "sort": "dateasc",
            "maxrecords": PAGE,
            "startdatetime": start.strftime(_MOMENT),
            "enddatetime": now.strftime(_MOMENT),
        }
        url = f"{str(self._settings.base_url).rstrip('/')}/api/v2/doc/doc?{urlencode(query)}"
        response = self._fetcher.get(url, headers={"accept": "application/json"}, now=now)
        return _articles(response)[:PAGE]

    def _raw(self, seen: _Seen) -> RawItem:
        return RawItem(
            source=self.name,
            source_class=self._settings.source_class,
            raw=seen.raw,
            published_at=seen.at,
            title=seen.article.title,
            url=seen.article.url,
            lang=language_tag(seen.article.language),
        )


def _articles(response: Response) -> list[msgspec.Raw]:
    """The articles of an answer; raises the error that GDELT wrote in their place."""
    body = response.body.strip()
    if not body:
        return []
    if not body.startswith(b"{"):
        said = " ".join(body[:200].decode("utf-8", "replace").split())
        if "limit" in said.lower() and "request" in said.lower():
            raise TransientError(f"GDELT: {said}", retry_after_s=BUSY_S)
        raise InvalidRecordError(f"GDELT: {said}", reason="schema")
    try:
        return msgspec.json.decode(_repaired(body), type=_Answer).articles
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise InvalidRecordError(f"GDELT: not its list of articles: {err}"[:300], reason="malformed_json") from err


def _repaired(body: bytes) -> bytes:
    """Valid JSON, where titles hold backslashes and control characters as they were."""
    body = _CONTROL.sub(b" ", body)
    return _BACKSLASH.sub(lambda match: match[0] if match[1] else b"\\\\", body)


def _seen(page: Sequence[msgspec.Raw], now: datetime) -> list[_Seen]:
    """The articles that can be read, oldest first; one from the future would hide all that come before it."""
    found = []
    for raw in page:
        try:
            article = msgspec.json.decode(raw, type=_Article)
            at = datetime.strptime(article.seendate, _SEEN).replace(tzinfo=UTC)
        except (msgspec.DecodeError, ValueError):
            continue
        if article.url and article.title.strip() and at <= now + AHEAD:
            found.append(_Seen(at, article, bytes(raw)))
    return sorted(found, key=lambda one: one.at)
