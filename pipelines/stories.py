"""Tell which documents are one story: texts in, sketches out, by which copies are found and compared.

Two documents are one story when their texts are equal but for what `pipelines.normalising` folds away, or nearly so, or
one is within the other, while their facts agree: `pipelines.likeness`. The source is no part of it: a copied headline
is one story, however short. Several sources that only say "Shares fall" do count as one; counting them apart would let
one copied line look like many voices, which is the worse error for an alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.bands import BANDS, bands_of
from pipelines.facts import Facts, facts_of
from pipelines.likeness import Likeness, Sketch, compare
from pipelines.normalising import is_cut, legible, normalise, words_of

__all__ = ["BANDS", "Facts", "Likeness", "Sketch", "StoryText", "compare", "normalise", "sketches", "story_id"]

MAX_SKETCH_CHARS = 2000  #: Of a normalised text, to be compared.
HEADLINE_WORDS = range(5, 25)  #: A title, or a text without one, of so many words is a headline.

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryText:
    """What of a document tells its story."""

    content: str  #: Title, line break, text; either may be empty.
    title: str = ""
    entities: tuple[str, ...] = ()  #: Linked tickers.


def story_id(text: str) -> str:
    """Key of the story that `text` tells: 32 hex digits."""
    return _digest(normalise(text), text).hex()


def sketches(texts: Sequence[StoryText]) -> list[Sketch]:
    """Sketch a batch; each sketch depends on its own text alone."""
    if not texts:
        return []
    readable = [legible(text.content) for text in texts]
    cased = [words_of(text) for text in readable]
    folded = [words.casefold() for words in cased]
    digests = [_digest(words, text.content) for words, text in zip(folded, texts, strict=True)]
    facts = [
        facts_of(plain, words, entities=text.entities, cut=is_cut(text.content))
        for plain, words, text in zip(readable, cased, texts, strict=True)
    ]
    bands = bands_of(folded, digests, [_headline(*each) for each in zip(texts, folded, strict=True)])
    return [
        Sketch(text=words[:MAX_SKETCH_CHARS], digest=digest, bands=keys, facts=fact)
        for words, digest, keys, fact in zip(folded, digests, bands, facts, strict=True)
    ]


def _digest(words: str, text: str) -> bytes:
    # A bare link or a row of signs folds to nothing: it stands for itself then.
    return hashlib.blake2b((words or text).encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()


def _headline(text: StoryText, words: str) -> str:
    title = normalise(text.title) if text.title else words
    return title if title.count(" ") + 1 in HEADLINE_WORDS else ""
