"""Fold away what does not make a different story: text in, its words out, one space between.

Case, punctuation, links, white space, compatibility forms (full-width letters, ligatures), disguised letters,
traditional characters, and what wires and copiers put before and behind. Chinese characters, kana and the like stand
alone, for no space tells their words. A number stays one word: 1,200 is 1200, 3.5 stays, and so does a minus.
"""

from __future__ import annotations

import re
import unicodedata

from monitor.folding import fold
from pipelines.chinese import simplified
from pipelines.leads import bare

_LINK = re.compile(r"(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww]{3}\.|\bpic\.twitter\.com/)\S+")
_QUOTES_AND_MINUS = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-", "\u2018": "'", "\u2019": "'",
     "\u3002": ".", "\u3001": ",", "\u300a": '"', "\u300b": '"', "\u300c": '"', "\u300d": '"'}
)  # fmt: skip
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# A sign before a number is kept: "+5%" and "-5%" are different news. So is the point within one.
_WORD = re.compile(r"(?:(?<!\w)[+\-](?=\d))?[^\W_]+(?:\.(?=\d)(?<=\d\.)[^\W_]+)*")
_SIGNED_MONEY = re.compile(r"(?<!\w)([+\-])[$€£¥](?=\d)")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED = re.compile(f"([{UNSPACED}])")
_CUT = re.compile(r"(?:\u2026|\.\.)[\s)\]]*+(?:https?://\S*+\s*+)*+$")
_END_CHARS = 300  #: Dots before the links at the end stand within so many.
_CHINESE_TITLE = re.compile(r"\s*【([^】]{4,80})】(?=.)")


def normalise(text: str) -> str:
    """The words of `text` as they are compared; empty when nothing else was there."""
    return plain(text).casefold()


def plain(text: str) -> str:
    """The words of `text` with their case."""
    return words_of(legible(text))


def legible(text: str) -> str:
    """`text` without links, leads, tails and dress, but with its case and punctuation.

    The first line is taken for a title; where the text behind it begins with it again, it is left out.
    """
    if not text.isascii():
        text = simplified(fold(unicodedata.normalize("NFKC", text)).translate(_QUOTES_AND_MINUS))
    if "://" in text or "." in text:
        text = _LINK.sub(" ", text)
    text = text.lstrip()
    if text.startswith("【"):
        text = _CHINESE_TITLE.sub(r"\1\n", text, count=1)
    first, _, rest = text.partition("\n")
    first, rest = bare(first), bare(rest)
    if not rest or not first:
        return first or rest
    return rest if rest.startswith(first) else f"{first}\n{rest}"


def is_cut(text: str) -> bool:
    """Whether `text` ends with dots, as one does whose end is cut."""
    return ("\u2026" in text or ".." in text) and _CUT.search(text, max(0, len(text) - _END_CHARS)) is not None


def words_of(text: str) -> str:
    """The words of a legible text, one space between."""
    if "," in text:
        text = _THOUSANDS.sub("", text)
    if "'" in text:
        text = _APOSTROPHE.sub("", text)
    if "+" in text or "-" in text:
        text = _SIGNED_MONEY.sub(r"\1", text)
    words = " ".join(_WORD.findall(text))
    return words if words.isascii() else " ".join(_UNSPACED.sub(r" \1 ", words).split())
