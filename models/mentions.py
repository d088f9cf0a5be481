"""Find the tokens by which a text names an entity: text, token offsets and surfaces in, token positions out. Pure.

A surface of up to four characters must match in case (`GE`, `Ford`); a longer one need not. It must be a whole word,
save in scripts that are written without spaces. All places count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

CASE_MATTERS_UP_TO = 4  #: Characters, as in the watchlist.

# Scripts that are written without spaces: a word may begin or end anywhere in them.
_UNSPACED = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")

Offsets = Sequence[tuple[int, int]]  #: Start and end of each token in the text; special tokens are empty.


def token_spans(text: str, offsets: Offsets, surfaces: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """For each entity, given by its surfaces, the positions of its tokens in order; empty when it is not named."""
    return tuple(_tokens(offsets, [place for surface in written for place in places(text, surface)])
                 for written in surfaces)  # fmt: skip


def places(text: str, surface: str) -> Iterator[tuple[int, int]]:
    """Start and end of every place where `text` has `surface` as a word."""
    if len(surface) > CASE_MATTERS_UP_TO:
        text, surface = _lower(text), _lower(surface)
    start = text.find(surface) if surface else -1
    while start >= 0:
        end = start + len(surface)
        if _is_whole(text, start, end):
            yield start, end
        start = text.find(surface, start + 1)


def _is_whole(text: str, start: int, end: int) -> bool:
    begins = _in_word(text[start]) or text[start] == "$"  # the $T in BE$T is no cashtag
    before = start == 0 or not (begins and _in_word(text[start - 1]))
    return before and (end == len(text) or not (_in_word(text[end]) and _in_word(text[end - 1])))


def _in_word(char: str) -> bool:
    return (char.isalnum() or char == "_") and not _UNSPACED.match(char)


def _lower(text: str) -> str:
    """Lower case of the same length, so that places stay."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _tokens(offsets: Offsets, found: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(
        index
        for index, (start, end) in enumerate(offsets)
        if end > start and any(start < last and end > first for first, last in found)
    )
