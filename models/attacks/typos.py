"""Typing mistakes: two letters swapped, one dropped, doubled, or hit on the key beside; about one in eight words.

The first and the last letter stay, as in Pruthi et al. (2019): such words are still read without trouble.
"""

from __future__ import annotations

import random

from models.attacks.attack import WORD, Attack, Attacked, Protected, changed, edited, free_matches, is_chinese, some

SHARE = 1 / 8  #: Of the words of four letters or more.

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {
    key: "".join(row[at] for at in (index - 1, index + 1) if 0 <= at < len(row))
    for row in _ROWS
    for index, key in enumerate(row)
}


def _apply(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    if is_chinese(text):
        return None
    hit = some(chance, free_matches(WORD, text, surfaces), share=SHARE)
    return changed(text, edited(text, ((m.start(), m.end(), _mistyped(m[0], chance)) for m in hit)), surfaces)


def _mistyped(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    letter = word[at]
    way = chance.choice(("swap", "drop", "double", "beside"))
    if way == "swap" and at < len(word) - 2 and word[at + 1] != letter:
        return word[:at] + word[at + 1] + letter + word[at + 2 :]
    if way == "drop":
        return word[:at] + word[at + 1 :]
    if way == "beside":
        key = chance.choice(_BESIDE[letter.lower()])
        return word[:at] + (key.upper() if letter.isupper() else key) + word[at + 1 :]
    return word[:at] + letter + word[at:]


TYPOS = Attack(name="typos", apply=_apply)
