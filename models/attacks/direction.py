"""Direction flips: rises for falls, beats for misses, profit for loss. The right answer becomes the opposite one.

Every direction word of a text is turned. Profit and loss are turned only where no verb is, for to turn both changes
nothing ("loss narrows" would become "profit widens"). A text is left alone where turning words need not turn the
meaning: it negates, concedes, or cuts something that is better cut.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from types import MappingProxyType

from models.attacks.attack import NEGATIVE, POSITIVE, Attack, Attacked, Protected, edited, free_matches, is_chinese

MIRRORED: Mapping[int, frozenset[int]] = MappingProxyType(
    {NEGATIVE: frozenset({POSITIVE}), POSITIVE: frozenset({NEGATIVE})}
)

# Good first, bad second.
_VERBS = """
rises falls, rose fell, rising falling, climbs slides, climbed slid, climbing sliding, jumps drops, jumped dropped,
jumping dropping, soars plunges, soared plunged, soaring plunging, surges slumps, surged slumped, surging slumping,
surge slump, skyrockets plummets, skyrocketed plummeted, skyrocketing plummeting, rallies tumbles, rallied tumbled,
rallying tumbling, advances retreats, advanced retreated, increases decreases, increased decreased, increase decrease,
grows shrinks, grew shrank, growing shrinking, growth decline, climbs declines, climbed declined, climbing declining,
improves worsens, improved worsened, improving worsening, improvement deterioration, improves deteriorates,
strengthens weakens, strengthened weakened, strengthening weakening, strong weak, stronger weaker, strongest weakest,
strength weakness, higher lower, up down, beats misses, beat missed, beat miss, tops misses, topped missed,
exceeds misses, exceeded missed, raises cuts, raised cut, raising cutting, raises lowers, raised lowered,
lifts trims, lifted trimmed, boosts reduces, boosted reduced, hikes slashes, hiked slashed, upgrades downgrades,
upgraded downgraded, upgrade downgrade, wins loses, won lost, winning losing, outperforms underperforms,
outperformed underperformed, outperform underperform, overweight underweight, bullish bearish, optimistic pessimistic,
optimism pessimism, upbeat downbeat, positive negative, good bad, better worse, best worst, profitable unprofitable,
success failure, approves rejects, approved rejected, approval rejection, recovers deteriorates, accelerates slows,
accelerated slowed, accelerating slowing, tailwinds headwinds, tailwind headwind, inflows outflows, above below,
gained lost, buy sell, record-high record-low, rally selloff, rally sell-off
"""
_NOUNS = "profit loss, profits losses, gain loss, gains losses"
_TURNS = "narrows widens, narrowed widened, narrowing widening, narrower wider"  # Good or bad by what it is that turns.
_VERBS_ZH = """
扭亏为盈 由盈转亏, 超预期 不及预期, 创新高 创新低, 上涨 下跌, 大涨 大跌, 暴涨 暴跌, 飙升 暴跌, 涨停 跌停,
走高 走低, 走强 走弱, 领涨 领跌, 收涨 收跌, 增长 下滑, 大增 大降, 回升 回落, 上升 下降,
增加 减少, 提高 降低, 上调 下调, 增持 减持, 买入 卖出, 看好 看空, 看涨 看跌, 利好 利空,
高于 低于, 好于 差于, 获批 被否, 胜诉 败诉, 改善 恶化, 涨 跌
"""
_NOUNS_ZH = "盈利 亏损"

_NUMBER = r"\s*(?:by |about |over |nearly |more than )?(?:[$\u20ac\u00a3~]|Rs\.? ?)?\d"
_NEXT = {  # What must follow a word that has other meanings.
    "up": _NUMBER, "down": _NUMBER,
    "gained": _NUMBER, "gain": r" (?:of|in|for)\b", "gains": r"(?! [$\d])",
    "tops": r" (?:\w+ ){0,3}(?:estimates|expectations|forecasts|views|consensus)",
    "above": r" (?:\w+ ){0,2}(?:estimates|expectations|forecasts|consensus|average)",
    "below": r" (?:\w+ ){0,2}(?:estimates|expectations|forecasts|consensus|average)",
    "best": r" (?:day|week|month|quarter|year|performer)", "worst": r" (?:day|week|month|quarter|year|performer)",
    "buy": r"(?=$|[,.;:]| (?:at|by|from|rating))", "sell": r"(?=$|[,.;:]| (?:at|by|from|rating))",
}  # fmt: skip
_UNSURE = re.compile(
    r"\b(?:not|never|no|without|despite|but|although|though|however|fails?|failed|avoids?|less|unless|unlikely|stops?)\b"
    r"|n['\u2019]t\b|\b(?:jobs?|tax|taxes|rates?|costs?|staff|pay|wage) (?:cuts?|hikes?|increases?)\b"
    r"|\b(?:cuts?|cutting|raises?|raised|raising|reduces?|slashe[sd]|hike[sd]|lowers?|lowered|boosts?) (?:\w+ )?(?:"
    r"costs?|jobs?|staff|rates?|tax|taxes|prices?|debt|losses|emissions|workforce|spending|stake|funds?|capital|money|"
    r"concerns?|questions?|doubts?|fears?|interest|[$\u20ac\u00a3]|Rs|\d)|\b(?:job|hiring|short|tax|legal)\b",
    re.IGNORECASE,
)  # fmt: skip
_UNSURE_ZH = re.compile("未|没|非|但|尽管|虽|却|不(?!及预期)")


def _pairs(table: str) -> list[tuple[str, str]]:
    return [(good, bad) for good, bad in (pair.split() for pair in table.replace("\n", " ").strip(" ").split(", "))]


class Turns:
    """Words with their opposites, and what they speak for."""

    def __init__(self, signed: str, unsigned: str = "", *, spaced: bool = True) -> None:
        self.opposite: dict[str, str] = {}
        self.sign: dict[str, int] = {}
        for good, bad in _pairs(signed):
            self._add(good, bad, 1)
            self._add(bad, good, -1)
        for one, other in _pairs(unsigned) if unsigned else ():
            self._add(one, other, 0)
            self._add(other, one, 0)
        words = "|".join(sorted(map(re.escape, self.opposite), key=len, reverse=True))
        edges = (r"(?<![\w$#@&'\u2019-])", r"(?![\w'\u2019-])") if spaced else ("", "")
        self.pattern = re.compile(f"{edges[0]}(?:{words}){edges[1]}", re.IGNORECASE)

    def _add(self, word: str, opposite: str, sign: int) -> None:
        self.opposite.setdefault(word, opposite)
        self.sign.setdefault(word, sign)

    def found(self, text: str, surfaces: Protected) -> list[re.Match[str]]:
        """Free places of the words, those with other meanings only where what follows tells."""
        free = free_matches(self.pattern, text, surfaces)
        return [match for match in free if re.match(_NEXT.get(match[0].lower(), ""), text[match.end() :])]

    def side(self, matches: list[re.Match[str]]) -> int | None:
        """The sentiment that the words speak for together."""
        total = sum(self.sign[match[0].lower()] for match in matches)
        return None if total == 0 else POSITIVE if total > 0 else NEGATIVE

    def turned(self, match: re.Match[str]) -> str:
        """The opposite, in the same case."""
        word = match[0]
        new = self.opposite[word.lower()]
        return new.upper() if word.isupper() and len(word) > 1 else new.capitalize() if word[0].isupper() else new


_WAYS = (Turns(_VERBS, _TURNS), Turns(_NOUNS))
_WAYS_ZH = (Turns(_VERBS_ZH, spaced=False), Turns(_NOUNS_ZH, spaced=False))


def is_unsure(text: str) -> bool:
    """Whether to turn its words need not turn the meaning of `text`."""
    return bool((_UNSURE_ZH if is_chinese(text) else _UNSURE).search(text))


def _apply(text: str, _: random.Random, surfaces: Protected) -> Attacked | None:
    if is_unsure(text):
        return None
    for turns in _WAYS_ZH if is_chinese(text) else _WAYS:
        if found := turns.found(text, surfaces):
            new = edited(text, ((match.start(), match.end(), turns.turned(match)) for match in found))
            return Attacked(text=new, surfaces=tuple(surfaces), before=turns.side(found))
    return None


DIRECTION = Attack(name="direction", apply=_apply, accepts=MIRRORED)
