"""Direction words with their opposites, and where they mean what they seem to: tables, and what reads them."""

from __future__ import annotations

import re

from models.attacks.attack import NEGATIVE, POSITIVE, Protected, free_matches

# Good first, bad second.
VERBS = """
rise fall, climb slide, jump drop, soar plunge, grow shrink, improve worsen, strengthen weaken, raise cut,
lift trim, boost reduce, gains loses, gained lost, rises falls, rose fell, rising falling, climbs slides,
climbed slid, climbing sliding, jumps drops, jumped dropped, jumping dropping, soars plunges, soared plunged,
soaring plunging, surges slumps, surged slumped, surging slumping, surge slump, skyrockets plummets,
skyrocketed plummeted, skyrocketing plummeting, rallies tumbles, rallied tumbled, rallying tumbling,
advances retreats, advanced retreated, increases decreases, increased decreased, increase decrease, grows shrinks,
grew shrank, growing shrinking, growth decline, climbs declines, climbed declined, climbing declining,
improves worsens, improved worsened, improving worsening, improves deteriorates, strengthens weakens,
strengthened weakened, strengthening weakening, strong weak, stronger weaker, higher lower, up down, beats misses,
beat missed, beat miss, tops misses, topped missed, exceeds misses, exceeded missed, raises cuts, raised cut,
raising cutting, raises lowers, raised lowered, lifts trims, lifted trimmed, boosts reduces, boosted reduced,
hikes slashes, hiked slashed, upgrades downgrades, upgraded downgraded, upgrade downgrade, wins loses, won lost,
winning losing, outperforms underperforms, outperformed underperformed, outperform underperform,
overweight underweight, bullish bearish, optimistic pessimistic, upbeat downbeat, positive negative, good bad,
better worse, profitable unprofitable, approves rejects, approved rejected, approval rejection,
recovers deteriorates, accelerates slows, accelerated slowed, accelerating slowing, above below, buy sell,
record-high record-low, rally selloff, rally sell-off
"""
NOUNS = "profit loss, profits losses, gain loss, gains losses"
TURNS = "narrows widens, narrowed widened, narrowing widening, narrower wider"  # Good or bad by what it is that turns.
VERBS_ZH = """
扭亏为盈 由盈转亏, 超预期 不及预期, 创新高 创新低, 上涨 下跌, 大涨 大跌, 暴涨 暴跌, 飙升 暴跌, 涨停 跌停,
走高 走低, 走强 走弱, 领涨 领跌, 收涨 收跌, 增长 下滑, 大增 大降, 回升 回落, 上升 下降,
增加 减少, 提高 降低, 上调 下调, 增持 减持, 买入 卖出, 看好 看空, 看涨 看跌, 利好 利空,
高于 低于, 好于 差于, 获批 被否, 胜诉 败诉, 改善 恶化, 涨 跌
"""
NOUNS_ZH = "盈利 亏损"

_NUMBER = r"\s*(?:by |about |over |nearly |more than )?(?:[$\u20ac\u00a3~]|Rs\.? ?)?\d)"
_MONEY = r"(?:$|[,.;:]|\s*(?:by |about |over |nearly |more than )?(?:[$\u20ac\u00a3~]|Rs\.? ?)?\d)"
_STOP = r"(?=$|[,.;:]| (?:on|as|in|at|after|by|for|to|amid|ahead|vs|against|from|than|with)\b)"
_EXPECTED = r" (?:\w+ ){0,3}(?:estimates|expectations|forecasts|views|consensus)"
_RESULTS = r" (?:\w+ )?(?:results|earnings|sales|growth|demand|outlook|guidance|quarter|profit|revenue)\b"
NEXT = {  # What must follow a word that has other meanings.
    "up": _MONEY, "down": _MONEY, "higher": _STOP, "lower": _STOP, "strong": _RESULTS, "weak": _RESULTS,
    "stronger": r" than", "weaker": r" than", "better": r" than", "worse": r" than",
    "gains": r"(?=$| (?:on|over|after|as|nearly|almost|ground|by|in|\d))", "gained": _MONEY, "lost": _MONEY,
    "tops": _EXPECTED, "topped": _EXPECTED, "above": _EXPECTED, "below": _EXPECTED,
    "won": r" (?:\w+ ){0,2}(?:contract|deal|order|bid|approval|award|case|suit|tender)\b", "good": r" news\b",
    "bad": r" news\b",
    "growth": r" (?:of|in|at)\b", "decline": r" (?:of|in)\b", "increase": r" (?:of|in)\b", "decrease": r" (?:of|in)\b",
    "buy": r"(?=$|[,.;:]| (?:at|by|from|rating))", "sell": r"(?=$|[,.;:]| (?:at|by|from|rating))",
    "profit": r" (?:at|of|in|for)\b", "loss": r" (?:at|of|in|for)\b",
    "profits": r" (?:at|of|in|for)\b", "losses": r" (?:at|of|in|for)\b",
}  # fmt: skip


ADJECTIVES = frozenset(("higher", "lower", "strong", "weak", "stronger", "weaker", "better", "worse", "good", "bad"))


def _pairs(table: str) -> list[tuple[str, str]]:
    return [(good, bad) for good, bad in (pair.split() for pair in table.replace("\n", " ").strip(" ").split(", "))]


class Opposites:
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
        return [match for match in free_matches(self.pattern, text, surfaces) if self.means(match)]

    def means(self, match: re.Match[str]) -> bool:
        """Whether the word means what it seems to, by what follows it."""
        return re.match(NEXT.get(match[0].lower(), ""), match.string[match.end() :]) is not None

    def side(self, matches: list[re.Match[str]]) -> int | None:
        """The sentiment that the words speak for together."""
        total = sum(self.sign[match[0].lower()] for match in matches)
        return None if total == 0 else POSITIVE if total > 0 else NEGATIVE

    def turned(self, match: re.Match[str]) -> str:
        """The opposite, in the same case."""
        word = match[0]
        new = self.opposite[word.lower()]
        return new.upper() if word.isupper() and len(word) > 1 else new.capitalize() if word[0].isupper() else new
