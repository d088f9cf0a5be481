"""SEC filings: the list of the latest, a form at a time, to one item a filing.

In: the Atom feed that EDGAR makes of the filings it has just accepted; its instants carry their offset. (The company
files of data.sec.gov would bring tickers along, but write New York's clock as if it were UTC for one filer in five.)
Out: title, items spelt out, link, tickers of the companies that are followed. A filing by several companies is listed
once for each and is one item.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import msgspec
import structlog

from monitor.errors import InvalidRecordError
from monitor.ports import SourceState
from monitor.settings import EdgarSource as EdgarSettings
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.edgar_items import form_in_words, item_in_words
from pipelines.sources.feed_parser import FeedItem, ParsedFeed
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.recent import AHEAD, Recent

log = structlog.get_logger(__name__)

PAGE = 100
MAX_AGE = timedelta(days=4)  #: Filings are listed for a day or so, over a weekend for longer.
LATE = timedelta(hours=2)  #: A filing may be listed so much after another that was accepted later.
MIN_INTERVAL_S = 0.11  #: The SEC allows ten requests a second to all clients of one address.

_TITLE = re.compile(r"(?P<form>.{1,30}?) - (?P<company>.{1,300}) \((?P<cik>\d{1,10})\) \((?P<role>[^()]{1,40})\)")
_ITEM = re.compile(r"Item\s+(\d{1,2}\.\d\d):?\s*([^<\n]{0,200})")
_ACCESSION = re.compile(r"accession-number=(\d{10}-\d\d-\d{6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One line of the list."""

    accession: str
    form: str
    company: str
    cik: str  #: Without leading zeros.
    at: datetime  #: Accepted by EDGAR.
    url: str | None
    items: tuple[tuple[str, str], ...]  #: Numbers and the SEC's words for them.
    entry: FeedItem


class EdgarSource:
    """The latest filings."""

    def __init__(self, settings: EdgarSettings, *, fetcher: Fetcher, parser: FeedParser) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._parser = parser
        self._tickers = {one.cik.lstrip("0"): one.ticker for one in settings.companies}
        fetcher.keep_distance(urlsplit(str(settings.base_url)).hostname or "", MIN_INTERVAL_S)

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._settings.name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Ask for each form; a chunk a form, oldest filing first."""
        memories = _memories(state.cursor)
        for form in self._settings.forms:
            known = Recent.read(memories.get(form), oldest=now - MAX_AGE)
            listed = self._new_lines(form, known, now)
            for filing in listed:
                known.take(_line(filing), filing.at)
            known.forget_before((known.newest or now - MAX_AGE) - LATE)
            memories[form] = known.write()
            wanted = sorted((one for one in listed if self._wants(one, form)), key=lambda one: one.at)
            items = [self._raw(filings) for filings in _by_accession(wanted)]
            state = replace(state, cursor=msgspec.json.encode(memories).decode())
            yield Chunk(items=items, state=state, changed=bool(items))

    def _new_lines(self, form: str, known: Recent, now: datetime) -> list[Filing]:
        """Lines of the list that are new, of every company, from the newest page on."""
        found: dict[str, Filing] = {}
        is_first = known.newest is None
        for page in range(self._settings.max_pages):
            feed = self._fetch(form, start=page * PAGE, now=now)
            lines = [filing for item in feed.items if (filing := _read(item)) and filing.at <= now + AHEAD]
            fresh = {_line(one): one for one in lines if known.is_new(_line(one), one.at)}
            found |= fresh
            if feed.entries < PAGE or len(fresh) < len(lines):
                return list(found.values())
        if not is_first:
            log.warning("filings_beyond_reach", source=self.name, form=form, pages=self._settings.max_pages)
        return list(found.values())

    def _wants(self, filing: Filing, form: str) -> bool:
        """The server takes a form for a prefix."""
        if filing.form.removesuffix("/A") != form:
            return False
        return not self._tickers or filing.cik in self._tickers

    def _fetch(self, form: str, *, start: int, now: datetime) -> ParsedFeed:
        query = f"action=getcurrent&type={quote(form)}&owner=include&start={start}&count={PAGE}&output=atom"
        url = f"{str(self._settings.base_url).rstrip('/')}/cgi-bin/browse-edgar?{query}"
        response = self._fetcher.get(url, headers={"accept": "application/atom+xml"}, now=now)
        content_type = response.headers.get("content-type", "")[:200]
        feed = self._parser.parse(response.body, content_type=content_type, url=response.url)
        if not feed.recognised:
            problem = feed.problem or "no Atom in it"
            raise InvalidRecordError(f"not EDGAR's list ({content_type[:80] or 'no content type'}): {problem}")
        return feed

    def _raw(self, filings: Sequence[Filing]) -> RawItem:
        first = filings[0]
        companies = list(dict.fromkeys(one.company for one in filings))
        tickers = {self._tickers[one.cik] for one in filings if one.cik in self._tickers}
        return RawItem(
            source=self.name,
            source_class=self._settings.source_class,
            raw=msgspec.json.encode([one.entry for one in filings]),
            id=f"sec:{first.accession}",
            published_at=first.at,
            title=_title(first, companies),
            text=_text(first, companies),
            url=first.url,
            lang="en",
            author=companies[0],
            entities=tuple(sorted(tickers)),
        )


def _memories(cursor: str | None) -> dict[str, str]:
    """What is remembered of each form's list."""
    try:
        return msgspec.json.decode(cursor, type=dict[str, str]) if cursor else {}
    except msgspec.DecodeError:
        return {}  # of another version: what is taken again is dropped by its id


def _read(item: FeedItem) -> Filing | None:
    """One entry of the list; None for one that is none."""
    title = _TITLE.fullmatch(html.unescape(item.title).strip())
    accession = _ACCESSION.search(item.id)
    if title is None or accession is None or item.published_at is None:
        return None
    found = _ITEM.findall(html.unescape(item.text))
    return Filing(
        accession=accession[1],
        form=title["form"].strip(),
        company=title["company"].strip(),
        cik=title["cik"].lstrip("0"),
        at=datetime.fromisoformat(item.published_at).astimezone(UTC),
        url=item.url,
        items=tuple((number, words.strip()) for number, words in found[:30]),
        entry=item,
    )


def _line(filing: Filing) -> str:
    """What tells the lines of the list apart: a filing has one for each of its companies."""
    return f"{filing.accession} {filing.cik}"


def _by_accession(filings: Sequence[Filing]) -> list[list[Filing]]:
    groups: dict[str, list[Filing]] = {}
    for filing in filings:
        groups.setdefault(filing.accession, []).append(filing)
    return list(groups.values())


def _title(filing: Filing, companies: Sequence[str]) -> str:
    numbers = ", ".join(number for number, _ in filing.items)
    what = f": item{'s' if len(filing.items) > 1 else ''} {numbers}" if numbers else ""
    return f"{filing.form} {', '.join(companies)}{what}"


def _text(filing: Filing, companies: Sequence[str]) -> str:
    """A sentence with the form in words, then a line an item."""
    words = form_in_words(filing.form)
    opening = f"{', '.join(companies)} filed form {filing.form}{f', {words}' if words else ''}."
    return "\n".join((opening, *(f"Item {item_in_words(number, given)}." for number, given in filing.items)))
