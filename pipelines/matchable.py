"""Make a text comparable: clean text in; a folded text, in which names are found, and the way back to its places out.

Folded are disguises (`monitor.folding`), traditional characters, accents, kinds of quotes, dashes and spaces. Case is
kept. Folding an alias and a text alike lets them meet; what a reader sees is never changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from monitor.folding import fold
from pipelines.chinese import simplified

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_QUOTES, _DASHES, _SPACES = "\u2018\u2019\u02bc\u2032", "\u2010\u2011\u2012\u2013\u2212", "\u00a0\u3000"
_SIGNS = {ord(sign): plain for signs, plain in ((_QUOTES, "'"), (_DASHES, "-"), (_SPACES, " ")) for sign in signs}
_MORE_LETTERS = {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}


@dataclass(frozen=True, slots=True)
class Matchable:
    """A folded text, and where its characters stood."""

    text: str
    origins: tuple[int, ...] | None = None  #: For each character its place in the clean text; None: the same.

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the clean text of `text[start:end]`, which is not empty."""
        if self.origins is None:
            return start, end
        return self.origins[start], self.origins[end - 1] + 1


def matchable(text: str) -> Matchable:
    """Fold `text`; links in it are blanked, for they are not read."""
    if "://" in text or "www." in text:
        text = _LINK.sub(lambda link: " " * len(link[0]), text)
    if text.isascii():
        return Matchable(text)
    plain = fold(text)
    origins = None if plain == text else tuple(_origins(text))
    return Matchable(simplified(plain).translate(_table()), origins)


def _origins(text: str) -> Iterator[int]:
    # A character folds to as many characters wherever it stands: only which letter it becomes depends on its word.
    for place, char in enumerate(text):
        for _ in range(_width(char)):
            yield place


@lru_cache(maxsize=4096)
def _width(char: str) -> int:
    return len(fold(char))


@cache
def _table() -> dict[int, str]:
    letters = (chr(code) for start, end in ((0xC0, 0x250), (0x1E00, 0x1F00)) for code in range(start, end))
    plain = {ord(letter): unicodedata.normalize("NFD", letter)[0] for letter in letters}
    accented = {code: base for code, base in plain.items() if base.isascii()}
    return accented | {ord(letter): base for letter, base in _MORE_LETTERS.items()} | _SIGNS
