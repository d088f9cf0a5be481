"""Tell which documents are one story: texts in, sketches out, by which copies are found and compared.

Two documents are one story when their texts are equal but for case, punctuation, links, white space, a `RT @name:` in
front and compatibility forms of characters (full-width letters, ligatures), or nearly so while their facts agree. The
source is no part of it: a copied headline is one story, however short. Several sources that only say "Shares fall" do
count as one; counting them apart would let one copied line look like many voices, which is the worse error for an
alert.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from pipelines.likeness import Facts, Likeness, Sketch, compare
from pipelines.minhash import BANDS, band_keys, mixed

__all__ = ["BANDS", "Facts", "Likeness", "Sketch", "StoryText", "compare", "normalise", "sketches", "story_id"]

MAX_SKETCH_CHARS = 2000  #: Of a normalised text, to be compared.
MAX_WORDS = 256  #: Of a normalised text, to be sketched.

_LINK = re.compile(r"(?:https?://|www\.)\S+|\bpic\.twitter\.com/\S+", re.IGNORECASE)
_RETWEET = re.compile(r"^\s*(?:RT|MT|via)\s+@\w+\s*:?\s*", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# A sign before a number is kept: "+5%" and "-5%" are different news.
_FOLDED = re.compile(r"(?!(?<!\w)[+\-][$€£]?\d)[\W_]")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})
_NUMBER = re.compile(r"[+\-]?\d+")
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryText:
    """What of a document tells its story."""

    content: str  #: Title, line break, text; either may be empty.
    title: str = ""
    entities: tuple[str, ...] = ()  #: Linked tickers.


def normalise(text: str) -> str:
    """Fold away what does not make a different story; empty when nothing else was there."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_MINUS)
    while (shorter := _RETWEET.sub("", text, count=1)) != text:
        text = shorter
    return " ".join(_FOLDED.sub(" ", _LINK.sub(" ", text).casefold()).split())


def story_id(text: str) -> str:
    """Key of the story that `text` tells: 32 hex digits."""
    return _digest(text).hex()


def sketches(texts: Sequence[StoryText]) -> list[Sketch]:
    """Sketch a batch; each sketch depends on its own text alone."""
    if not texts:
        return []
    folded = [normalise(text.content) for text in texts]
    digests = [_digest(text.content) for text in texts]
    words = [
        [zlib.crc32(word) for word in text.encode("utf-8", "replace").split(maxsplit=MAX_WORDS)[:MAX_WORDS]]
        or [int.from_bytes(digest[:4], "big")]
        for text, digest in zip(folded, digests, strict=True)
    ]
    starts = np.fromiter(accumulate((len(each) for each in words[:-1]), initial=0), np.int64, len(words))
    hashes = mixed(np.fromiter((word for each in words for word in each), np.uint64))
    return [
        Sketch(text=text[:MAX_SKETCH_CHARS], digest=digest, bands=bands, facts=_facts(text, given))
        for text, digest, bands, given in zip(folded, digests, band_keys(hashes, starts), texts, strict=True)
    ]


def _digest(text: str) -> bytes:
    # A bare link or a row of signs folds to nothing: it stands for itself then.
    folded = normalise(text) or text
    return hashlib.blake2b(folded.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()


def _facts(text: str, given: StoryText) -> Facts:
    return Facts(entities=tuple(sorted(given.entities)), numbers=tuple(sorted(set(_NUMBER.findall(text)))))
