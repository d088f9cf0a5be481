"""Negation: shares did not rise. The right answer is no longer what it was; which of the other two is left open."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from models.attacks.attack import (
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    Attack,
    Attacked,
    Protected,
    edited,
    free_matches,
    is_chinese,
)
from models.attacks.direction import direction_words, is_unsure

REVERSED: Mapping[int, frozenset[int]] = MappingProxyType(
    {NEGATIVE: frozenset({NEUTRAL, POSITIVE}), POSITIVE: frozenset({NEGATIVE, NEUTRAL})}
)

# Base form and past tense; the third person ends in s, or in es behind a hiss.
_GOOD = """rise rose, climb climbed, jump jumped, soar soared, surge surged, rally rallied, advance advanced, grow grew,
improve improved, strengthen strengthened, beat -, exceed exceeded, win -, outperform outperformed,
recover recovered, rebound rebounded, gain gained"""
_BAD = """fall fell, drop dropped, slide slid, plunge plunged, plummet plummeted, slump slumped, tumble tumbled,
shrink shrank, worsen worsened, weaken weakened, miss missed, lose lost, underperform underperformed, sink sank,
deteriorate deteriorated, slip slipped, crash crashed, collapse collapsed"""
_GOOD_ZH = "上涨 大涨 暴涨 涨停 飙升 走高 走强 增长 大增 回升 上升 改善 获批 胜诉 中标 盈利"
_BAD_ZH = "下跌 大跌 暴跌 跌停 走低 走弱 下滑 大降 回落 下降 恶化 败诉 违约 亏损"


def _forms() -> Iterator[tuple[str, str, int]]:
    for table, side in ((_GOOD, POSITIVE), (_BAD, NEGATIVE)):
        for pair in table.replace("\n", " ").split(", "):
            base, past = pair.split()
            third = base[:-1] + "ies" if base == "rally" else base + ("es" if base.endswith(("s", "h")) else "s")
            yield third, f"does not {base}", side
            yield from ((form, f"did not {base}", side) for form in (past,) if form.isalpha())
    yield from ((word, f"并未{word}", side) for table, side in ((_GOOD_ZH, POSITIVE), (_BAD_ZH, NEGATIVE))
                for word in table.split())  # fmt: skip


_NEGATED = {form: negated for form, negated, _ in _forms()}
_SIDE = {form: side for form, _, side in _forms()}
_ENGLISH = re.compile(rf"(?<=\w )(?:{'|'.join(form for form in _NEGATED if form.isascii())})(?![\w'\u2019-])")
_CHINESE = re.compile(f"(?<![式的地])(?:{'|'.join(form for form in _NEGATED if not form.isascii())})")
_NO_VERB_BEHIND = re.compile(r"\b(?:to|than|the|an?|of|further|more|and|or|recent|as|will|may|could|in|on|for) $")


def _apply(text: str, _: random.Random, surfaces: Protected) -> Attacked | None:
    """Only where one verb gives the direction, so that nothing speaks against its negation."""
    if is_unsure(text):
        return None
    found = free_matches(_CHINESE if is_chinese(text) else _ENGLISH, text, surfaces)
    spans = {match.span() for match in (*found, *direction_words(text, surfaces))}
    if len(found) != 1 or len(spans) != 1 or _NO_VERB_BEHIND.search(text[: found[0].start()]):
        return None
    new = edited(text, [(*found[0].span(), _NEGATED[found[0][0]])])
    return Attacked(text=new, surfaces=tuple(surfaces), before=_SIDE[found[0][0]])


NEGATION = Attack(name="negation", apply=_apply, accepts=REVERSED)
