"""Links between text and entities, and how much a text is about each: places in, relevance out. Pure.

The relevance of an entity is its prominence times the root of its share, in [0, 1].

- Prominence is 1 where the title names it; a text without a title is led by its first `LEAD_CHARS` characters.
  Elsewhere it is 0.7 at the most and falls with the characters before the first mention: 0.2 + 0.5 * 1000 / (1000 + n).
- The share is that of the entity in all mentions of the document; a cashtag that nobody watches is a mention too, so
  that a list of twenty tickers is not about the one that is watched.

A headline about one entity alone has 1.0; about two of them each has 0.71; in a list of twenty tickers each has 0.22.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LEAD_CHARS = 280  #: Of a text without a title: what stands for one.
BODY_FLOOR = 0.2
BODY_SPAN = 0.5
HALF_CHARS = 1000  #: So far into the text the part that falls with the distance is halved.
DIGITS = 4  #: Of a relevance, as on the wire.


class LinkKind(StrEnum):
    """By what an entity is named."""

    CASHTAG = "cashtag"
    NAME = "name"
    ALIAS = "alias"
    ISIN = "isin"
    CODE = "code"  #: An exchange code, or a symbol with its exchange: `600519.SH`, `NYSE: T`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A place where a text names an entity."""

    ticker: str
    start: int  #: Place in the clean title where `in_title`, else in the clean text; likewise the next.
    end: int
    surface: str  #: As written there.
    kind: LinkKind
    in_title: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What was found in one document."""

    found: tuple[Link, ...] = ()  #: In order of their places, those of the title first.
    strangers: int = 0  #: Cashtags that are nobody's.
    has_title: bool = False

    @property
    def tickers(self) -> frozenset[str]:
        """Tickers of the entities that are named."""
        return frozenset(link.ticker for link in self.found)

    def relevances(self) -> dict[str, float]:
        """For each ticker how much the document is about it, in (0, 1]."""
        first: dict[str, Link] = {}
        for link in self.found:
            first.setdefault(link.ticker, link)
        counts = _counts(self.found)
        total = sum(counts.values()) + self.strangers
        return {
            ticker: relevance(self._prominence(link), counts[ticker] / max(total, 1)) for ticker, link in first.items()
        }

    def _prominence(self, first: Link) -> float:
        leads = first.in_title or (not self.has_title and first.start < LEAD_CHARS)
        return 1.0 if leads else BODY_FLOOR + BODY_SPAN * HALF_CHARS / (HALF_CHARS + first.start)


def relevance(prominence: float, share: float) -> float:
    """Grows with both; 1 where both are 1."""
    return round(prominence * math.sqrt(share), DIGITS)


def _counts(links: Sequence[Link]) -> Mapping[str, float]:
    """Mentions by ticker; a place that names several entities is shared among them."""
    at_place = Counter((link.in_title, link.start) for link in links)
    counts: dict[str, float] = {}
    for link in links:
        counts[link.ticker] = counts.get(link.ticker, 0.0) + 1 / at_place[link.in_title, link.start]
    return counts


def surfaces(links: Iterable[Link]) -> dict[str, tuple[str, ...]]:
    """For each ticker the words that name it, each once, cashtags first."""
    written: dict[str, dict[str, None]] = {}
    for link in sorted(links, key=lambda link: link.kind is not LinkKind.CASHTAG):
        written.setdefault(link.ticker, {})[link.surface] = None
    return {ticker: tuple(words) for ticker, words in written.items()}
