"""Find the tokens by which a text names an entity: text, token offsets and surfaces in, token positions out. Pure.

A surface of up to four characters must match in case (`GE`, `Ford`); a longer one need not. It must be a whole word,
save in scripts that are written without spaces. All places count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

CASE_MATTERS_UP_TO = 4  #: Characters, as in the watchlist.

_UNSPACED = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"

Offsets = Sequence[tuple[int, int]]  #: Start and end of each token in the text; special tokens are empty.


def token_spans(text: str, offsets: Offsets, surfaces: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """For each entity, given by its surfaces, the positions of its tokens in order; empty when it is not named."""
    return tuple(_tokens(offsets, [place for surface in written for place in places(text, surface)])
                 for written in surfaces)  # fmt: skip


def places(text: str, surface: str) -> Iterator[tuple[int, int]]:
    """Start and end of every place where `text` has `surface` as a word."""
    if surface:
        yield from (match.span() for match in _pattern(surface).finditer(text))


@lru_cache(maxsize=8192)
def _pattern(surface: str) -> re.Pattern[str]:
    word = f"[^\\W{_UNSPACED}]"  # a letter or digit of a script with spaces
    before = f"(?<!{word})" if re.match(word, surface[0]) else ""
    after = f"(?!{word})" if re.match(word, surface[-1]) else ""
    flags = 0 if len(surface) <= CASE_MATTERS_UP_TO else re.IGNORECASE
    return re.compile(before + re.escape(surface) + after, flags)


def _tokens(offsets: Offsets, found: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(
        index
        for index, (start, end) in enumerate(offsets)
        if end > start and any(start < last and end > first for first, last in found)
    )
