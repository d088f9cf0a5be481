"""Find the tokens by which a text names an entity: text, token offsets and surfaces in, token positions out. Pure.

A surface of up to four characters must match in case (`GE`, `Ford`); a longer one need not. It must be a whole word,
save in scripts that are written without spaces. All places count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.whole_words import CASE_MATTERS_UP_TO, in_word, is_whole, lowered

Offsets = Sequence[tuple[int, int]]  #: Start and end of each token in the text; special tokens are empty.


def token_spans(text: str, offsets: Offsets, surfaces: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """For each entity, given by its surfaces, the positions of its tokens in order; empty when it is not named."""
    return tuple(_tokens(offsets, [place for surface in written for place in places(text, surface)])
                 for written in surfaces)  # fmt: skip


def places(text: str, surface: str) -> Iterator[tuple[int, int]]:
    """Start and end of every place where `text` has `surface` as a word."""
    if len(surface) > CASE_MATTERS_UP_TO:
        text, surface = lowered(text), lowered(surface)
    start = text.find(surface) if surface else -1
    while start >= 0:
        end = start + len(surface)
        if _is_named(text, start, end):
            yield start, end
        start = text.find(surface, start + 1)


def _is_named(text: str, start: int, end: int) -> bool:
    is_inside = start > 0 and text[start] == "$" and in_word(text[start - 1])  # the $T in BE$T is no cashtag
    return not is_inside and is_whole(text, start, end)


def _tokens(offsets: Offsets, found: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(
        index
        for index, (start, end) in enumerate(offsets)
        if end > start and any(start < last and end > first for first, last in found)
    )
