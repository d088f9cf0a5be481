"""Tell which documents are one story: text in, key of the story out.

Two documents are one story when their texts are equal but for case, punctuation, links, white space, a `RT @name:` in
front and compatibility forms of characters (full-width letters, ligatures). The source is no part of it: a copied
headline is one story, however short. Several sources that only say "Shares fall" do count as one; counting them apart
would let one copied line look like many voices, which is the worse error for an alert.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LINK = re.compile(r"(?:https?://|www\.)\S+|\bpic\.twitter\.com/\S+", re.IGNORECASE)
_RETWEET = re.compile(r"^\s*(?:RT|MT|via)\s+@\w+\s*:?\s*", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# A sign before a number is kept: "+5%" and "-5%" are different news.
_FOLDED = re.compile(r"(?!(?<!\w)[+\-][$€£]?\d)[\W_]")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})
_DIGEST_BYTES = 16


def normalise(text: str) -> str:
    """Fold away what does not make a different story; empty when nothing else was there."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_MINUS)
    while (shorter := _RETWEET.sub("", text, count=1)) != text:
        text = shorter
    return " ".join(_FOLDED.sub(" ", _LINK.sub(" ", text).casefold()).split())


def story_id(text: str) -> str:
    """Key of the story that `text` tells: 32 hex digits."""
    # A bare link or a row of signs folds to nothing: it stands for itself then.
    folded = normalise(text) or text
    return hashlib.blake2b(folded.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()
