"""The stories of an alert as shown: strangers' text cleaned, each with its part in what happened. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.messages.plain import plain, safe_url
from alerts.messages.words import instant_words, novelty_words, percent_words, relevance_words
from monitor.domain import EvidenceDocument

TITLE_CHARS = 240
WORD_CHARS = 80  #: Source, author, topic, label.
NAMED = 3  #: Stories that the sentence about what decided names.


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One evidence document as shown, and the story that it tells."""

    published_at: datetime  #: UTC.
    source: str
    title: str
    url: str | None  #: http(s), or None.
    author: str
    topic: str
    negative: float  #: p(negative), in [0, 1].
    reach: int  #: Documents that tell this story, at least 1.
    relevance: float  #: In [0, 1].
    novelty: tuple[int, ...]  #: In [0, 100], one each of `LOOK_BACKS`; empty where it is not known.
    first_at: datetime | None  #: UTC; when its story was first published, where that is known.
    told: int  #: Documents that tell its story within the window.
    sources: int  #: Distinct sources, or authors of posts, of those.
    share: float  #: Its story's share of the excess, in [0, 1].
    decisive: bool  #: Without its story the alert would not have fired.

    @property
    def standing(self) -> str:
        """In words: new or an echo, and how relevant, as far as that needs saying."""
        return ", ".join(filter(None, (novelty_words(self.novelty), relevance_words(self.relevance))))

    @property
    def spread(self) -> str:
        """In words: how often it was told, by how many, and since when, as far as that needs saying."""
        return ", ".join(filter(None, (self._times(), self._since())))

    @property
    def part(self) -> str:
        """In words: its share of the excess; empty where that is not known."""
        return f"{percent_words(self.share)} of the excess" if self.share > 0 else ""

    def _times(self) -> str:
        times = self.told if self.told > 1 else self.reach
        by = f" by {self.sources}" if self.sources > 1 else ""
        return f"told {times} times{by}" if times > 1 else ""

    def _since(self) -> str:
        is_older = self.first_at is not None and self.first_at < self.published_at
        return f"story since {instant_words(self.first_at)}" if is_older and self.first_at else ""


def headline_of(document: EvidenceDocument) -> Headline:
    """`document` as shown."""
    return Headline(
        published_at=document.published_at,
        source=plain(document.source, WORD_CHARS),
        title=plain(document.title, TITLE_CHARS) or "(no title)",
        url=safe_url(document.url),
        author=plain(document.author or "", WORD_CHARS),
        topic=plain(document.topic, WORD_CHARS),
        negative=document.negative,
        reach=document.reach,
        relevance=document.relevance,
        novelty=document.novelty,
        first_at=document.first_at,
        told=document.told,
        sources=document.sources,
        share=document.share,
        decisive=document.decisive,
    )


def decisive_words(headlines: Sequence[Headline], *, single_story: bool) -> str:
    """What the alert hangs on, in a sentence or two; empty where no one story decided."""
    named = [f"“{headline.title}”" for headline in headlines if headline.decisive]
    hangs = ""
    if named:
        over = f" or one of {len(named) - NAMED} more" if len(named) > NAMED else ""
        which = named[0] if len(named) == 1 else f"any one of these: {', '.join(named[:NAMED])}{over}"
        hangs = f"Without {which}, this would not have fired."
    single = "One story makes most of the excess: a single-story alert." if single_story else ""
    return " ".join(filter(None, (single, hangs)))
