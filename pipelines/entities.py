"""Link text to watched entities: clean text in, tickers out, and the words that name them.

A ticker is linked by a cashtag (`$AAPL`, any case, not inside a word: `BE$T` is not `$T`), or by a name or alias of the
watchlist as a whole word; of overlapping names the longest counts. The case matters for names of up to four characters
(`GE`, `Ford`). A bare ticker is no evidence (`ALL`, `IT`, `ON` are words): list it as an alias where it is safe.
A share class may be written `BRK.B` or `BRK-B`. A ticker of digits alone is no cashtag, for `$700` is a price.
Links are not read. Tickers that a sender names are kept by `pipelines.documents`, watched or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import ahocorasick

from monitor.domain import Mention
from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity, WatchlistSettings
from monitor.whole_words import CASE_MATTERS_UP_TO, is_whole, lowered
from pipelines.cleaning import clean
from pipelines.watchlist import read_watchlist

MAX_ALIAS_CHARS = 200

_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z0-9]{1,15}(?:[.\-][A-Za-z]{1,3})?)(?!\w)")
_LINK = re.compile(r"https?://\S+")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u2010": "-", "\u2011": "-", "\u2013": "-"})


@dataclass(frozen=True, slots=True)
class _Alias:
    text: str
    ticker: str

    @property
    def exact(self) -> bool:
        return len(self.text) <= CASE_MATTERS_UP_TO


class EntityLinker:
    """Finds watched entities in text."""

    def __init__(self, entities: Sequence[WatchedEntity]) -> None:
        self.tickers: tuple[str, ...] = tuple(sorted(entity.ticker for entity in entities))
        if twice := sorted({t for t in self.tickers if self.tickers.count(t) > 1}):
            raise ConfigurationError(f"watchlist: tickers must be unique; listed twice: {', '.join(twice)}")
        self.names: dict[str, str] = {entity.ticker: entity.name for entity in entities}
        self._cashtags = {_class_folded(t): t for t in self.tickers if not t.isdigit()}
        self._automaton = _automaton(_aliases(entities))

    @classmethod
    def from_settings(cls, settings: WatchlistSettings) -> EntityLinker:
        """Join the entities of the configuration and of its CSV file; raises `ConfigurationError`."""
        listed = read_watchlist(settings.file) if settings.file else ()
        return cls((*settings.entities, *listed))

    def link(self, text: str) -> frozenset[str]:
        """Tickers of the entities that `text` names."""
        return frozenset(ticker for ticker, _ in self._found(text))

    def mentions(self, text: str, entities: Iterable[str]) -> tuple[Mention, ...]:
        """For each ticker of `entities` the words by which `text` names it, as written there.

        One that is not found by its names (a sender gave it, or it is not watched) may still stand as a bare ticker.
        """
        written: dict[str, dict[str, None]] = {entity: {} for entity in entities}
        if not written:
            return ()
        for ticker, surface in self._found(text):
            if ticker in written:
                written[ticker][surface] = None
        return tuple(Mention(entity=ticker, surfaces=tuple(surfaces) or (f"${ticker}", ticker))
                     for ticker, surfaces in written.items())  # fmt: skip

    def _found(self, text: str) -> Iterator[tuple[str, str]]:
        """Tickers that `text` names, each with the words that do."""
        if "://" in text:
            text = _LINK.sub(" ", text)
        if "$" in text:
            yield from self._tagged(text)
        if self._automaton is not None:
            for ticker, (start, end) in _named(self._automaton, text.translate(_QUOTES)):
                yield ticker, text[start:end]

    def _tagged(self, text: str) -> Iterator[tuple[str, str]]:
        for match in _CASHTAG.finditer(text):
            tag = _class_folded(match[1].upper())
            if ticker := self._cashtags.get(tag) or self._cashtags.get(tag.partition(".")[0]):
                yield ticker, match[0]


def _class_folded(ticker: str) -> str:
    return ticker.replace("-", ".")


def _named(automaton: ahocorasick.Automaton, text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    matches: list[tuple[int, int, str]] = []
    for last, aliases in automaton.iter(lowered(text)):
        for alias in aliases:
            start, end = last + 1 - len(alias.text), last + 1
            if (not alias.exact or text[start:end] == alias.text) and is_whole(text, start, end):
                matches.append((start, -end, alias.ticker))
    if len(matches) > 1:
        matches.sort()
    span = (0, 0)
    for start, minus_end, ticker in matches:
        if start >= span[1] or (start, -minus_end) == span:
            span = (start, -minus_end)
            yield ticker, span


def _aliases(entities: Sequence[WatchedEntity]) -> Iterator[_Alias]:
    for entity in entities:
        for written in (entity.name, *entity.aliases):
            text = clean(written, limit=MAX_ALIAS_CHARS).text.translate(_QUOTES)
            if not text:
                raise ConfigurationError(f"watchlist: {entity.ticker} has an empty alias; leave it out")
            yield _Alias(text, entity.ticker)


def _automaton(aliases: Iterator[_Alias]) -> ahocorasick.Automaton | None:
    by_key: dict[str, list[_Alias]] = {}
    for alias in aliases:
        by_key.setdefault(lowered(alias.text), []).append(alias)
    if not by_key:
        return None
    automaton = ahocorasick.Automaton()
    for key, same in by_key.items():
        automaton.add_word(key, tuple(dict.fromkeys(same)))
    automaton.make_automaton()
    return automaton
