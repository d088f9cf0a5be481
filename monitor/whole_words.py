"""What a whole word is, for names in text: the watchlist finds entities by it, the model their tokens. Pure."""

from __future__ import annotations

import re

CASE_MATTERS_UP_TO = 4  #: Characters of a name; a longer one is found in any case.

# Scripts that are written without spaces: a word may begin or end anywhere in them.
_UNSPACED = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")


def is_whole(text: str, start: int, end: int) -> bool:
    """True when no word goes on beyond either end of `text[start:end]`."""
    before = start == 0 or not (in_word(text[start - 1]) and in_word(text[start]))
    return before and (end == len(text) or not (in_word(text[end]) and in_word(text[end - 1])))


def in_word(char: str) -> bool:
    """True for a letter, digit or underscore of a script that has spaces."""
    return (char.isalnum() or char == "_") and not _UNSPACED.match(char)


def lowered(text: str) -> str:
    """Lower case of the same length, so that positions stay."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(one if len(one := char.lower()) == 1 else char for char in text)
