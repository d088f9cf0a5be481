"""Case: all upper, all lower, capitals at random.

A surface of up to four characters is told from a word by its case (`models.mentions`), so it keeps it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from models.attacks.attack import Attack, Attacked, Protected, changed, edited, is_chinese, occupied
from monitor.whole_words import CASE_MATTERS_UP_TO


def _apply(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    if is_chinese(text):
        return None
    rewrite = chance.choice((_upper, _lower, _capitals))
    short = [surface for surface in surfaces if len(surface) <= CASE_MATTERS_UP_TO]
    kept = ((start, end, text[start:end]) for start, end in _apart(occupied(text, short)))
    return changed(text, edited(_each(text, lambda letter: rewrite(letter, chance)), kept), surfaces)


def _each(text: str, rewrite: Callable[[str], str]) -> str:
    """Letter by letter: one that would change in number (the German sharp s) or not come back stays."""
    new = [(letter, rewrite(letter)) for letter in text]
    return "".join(to if len(to) == 1 and to.lower() == letter.lower() else letter for letter, to in new)


def _upper(letter: str, _: random.Random) -> str:
    return letter.upper()


def _lower(letter: str, _: random.Random) -> str:
    return letter.lower()


def _capitals(letter: str, chance: random.Random) -> str:
    return letter.swapcase() if chance.random() < 1 / 3 else letter


def _apart(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """`places` without those that overlap an earlier one merged into it."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


CASE = Attack(name="case", apply=_apply)
