"""Disguise: look-alike letters of other scripts and other dresses, and characters that nobody sees.

`monitor.folding` undoes all of it; these attacks show that it does.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping

from models.attacks.attack import WORD, Attack, Attacked, Protected, changed, edited, free_matches, is_chinese, some
from models.attacks.chinese import BETWEEN
from monitor.folding import LOOKALIKES

ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
SHARE = 1 / 3  #: Of the words of four letters or more.


def _by_letter() -> Mapping[str, str]:
    found: defaultdict[str, str] = defaultdict(str)
    for other, letter in sorted(LOOKALIKES.items()):
        found[letter] += other
    return found


_OTHERS = _by_letter()
_WIDE, _BOLD_UPPER, _BOLD_LOWER = 0xFEE0, 0x1D400 - ord("A"), 0x1D41A - ord("a")

Rewrite = Callable[[str, random.Random], str]


def _homoglyphs(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    return _rewritten(text, chance, surfaces, lambda word, by: by.choice((_mixed, _mixed, _wide, _bold))(word, by))


def _zero_width(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    if not is_chinese(text):
        return _rewritten(text, chance, surfaces, _split)
    hit = some(chance, free_matches(BETWEEN, text, surfaces), share=SHARE)
    return changed(text, edited(text, ((m.start(), m.end(), chance.choice(ZERO_WIDTH)) for m in hit)), surfaces)


def _rewritten(text: str, chance: random.Random, surfaces: Protected, rewrite: Rewrite) -> Attacked | None:
    hit = some(chance, free_matches(WORD, text, surfaces), share=SHARE)
    return changed(text, edited(text, ((m.start(), m.end(), rewrite(m[0], chance)) for m in hit)), surfaces)


def _mixed(word: str, chance: random.Random) -> str:
    """One to half of the letters from other scripts; the first and the last stay."""
    able = [at for at in range(1, len(word) - 1) if word[at] in _OTHERS]
    for at in chance.sample(able, chance.randint(min(1, len(able)), min(len(able), len(word) // 2))):
        word = word[:at] + chance.choice(_OTHERS[word[at]]) + word[at + 1 :]
    return word


def _wide(word: str, _: random.Random) -> str:
    return "".join(chr(ord(letter) + _WIDE) for letter in word)


def _bold(word: str, _: random.Random) -> str:
    return "".join(chr(ord(letter) + (_BOLD_UPPER if letter.isupper() else _BOLD_LOWER)) for letter in word)


def _split(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word))
    return word[:at] + chance.choice(ZERO_WIDTH) + word[at:]


HOMOGLYPHS = Attack(name="homoglyphs", apply=_homoglyphs)
ZERO_WIDTH_INSERTED = Attack(name="zero_width", apply=_zero_width)
