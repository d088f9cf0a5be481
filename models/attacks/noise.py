"""White space and punctuation that somebody else would have set otherwise; the words stay."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from models.attacks.attack import Attack, Attacked, Protected, edited, free_matches, is_chinese

_MARK = re.compile(r"(?<=\w)[,;:.!?](?=\s|$)")
_BLANK = re.compile(" ")

_AROUND = (('"', '"'), ("\u201c", "\u201d"), ("** ", " **"), ("- ", ""), (">> ", ""), ("| ", " |"), ("[", "]"),
           ("", " ..."), ("", " \u2026"), ("", " -"), ("", " |"))  # fmt: skip

Way = Callable[[str, random.Random, Protected], str]


def _apply(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    ways = list(_WRAPS if is_chinese(text) else _WAYS)
    chance.shuffle(ways)
    tries = (way(text, chance, surfaces) for way in ways)
    return next((Attacked(text=new, surfaces=tuple(surfaces)) for new in tries if new != text), None)


def _marks_dropped(text: str, _: random.Random, surfaces: Protected) -> str:
    return edited(text, ((m.start(), m.end(), "") for m in free_matches(_MARK, text, surfaces)))


def _marks_apart(text: str, _: random.Random, surfaces: Protected) -> str:
    return edited(text, ((m.start(), m.end(), f" {m[0]}") for m in free_matches(_MARK, text, surfaces)))


def _marks_repeated(text: str, chance: random.Random, surfaces: Protected) -> str:
    found = free_matches(_MARK, text, surfaces)
    return edited(text, ((m.start(), m.end(), m[0] * chance.randint(2, 4)) for m in found))


def _blanks(text: str, chance: random.Random, surfaces: Protected) -> str:
    wide = ("  ", "   ", "\t", "\n", "\u00a0", "\u2009")
    found = free_matches(_BLANK, text, surfaces)
    return edited(text, ((m.start(), m.end(), chance.choice(wide)) for m in found if chance.random() < 1 / 2))


def _wrapped(text: str, chance: random.Random, _: Protected) -> str:
    before, after = chance.choice(_AROUND)
    return f"{before}{text}{after}"


def _passed_on(text: str, chance: random.Random, _: Protected) -> str:
    return f"RT @{chance.choice(('marketdesk', 'newswire', 'dailytape', 'deskeditor', 'finreader'))}: {text}"


_WRAPS: tuple[Way, ...] = (_wrapped, _passed_on)
_WAYS: tuple[Way, ...] = (*_WRAPS, _marks_dropped, _marks_apart, _marks_repeated, _blanks)

NOISE = Attack(name="noise", apply=_apply)
