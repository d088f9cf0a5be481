"""Direction flips: rises for falls, beats for misses, profit for loss. The right answer becomes the opposite one.

Every direction word of a text is turned. Profit and loss are turned only where no verb is, for to turn both changes
nothing ("loss narrows" would become "profit widens"). A text is left alone where turning words need not turn the
meaning: it takes sides by other words too, negates, concedes, or cuts something that is better cut.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from types import MappingProxyType

from models.attacks.attack import NEGATIVE, POSITIVE, Attack, Attacked, Protected, edited, is_chinese
from models.attacks.opposites import ADJECTIVES, NOUNS, NOUNS_ZH, TURNS, VERBS, VERBS_ZH, Opposites

MIRRORED: Mapping[int, frozenset[int]] = MappingProxyType(
    {NEGATIVE: frozenset({POSITIVE}), POSITIVE: frozenset({NEGATIVE})}
)

_UNSURE = re.compile(
    r"\b(?:not|never|no|without|despite|but|although|though|however|fails?|failed|avoids?|less|unless)\b"
    r"|\b(?:unlikely|stops?|to beat)\b"
    r"|n['\u2019]t\b|\b(?:jobs?|tax|taxes|rates?|costs?|staff|pay|wage) (?:cuts?|hikes?|increases?)\b"
    r"|\b(?:cuts?|cutting|raises?|raised|raising|reduces?|slashe[sd]|hike[sd]|lowers?|lowered|boosts?) (?:\w+ )?(?:"
    r"costs?|jobs?|staff|rates?|tax|taxes|prices?|debt|losses|emissions|workforce|spending|stake|funds?|capital|money|"
    r"concerns?|questions?|doubts?|fears?|interest|[$\u20ac\u00a3]|Rs|\d)|\b(?:job|hiring|short|tax|legal)\b"
    r"|\b(?:early|extends?|extended|extending|trims?|pares?|recent|its|capital|day) (?:gains?|losses)\b",
    re.IGNORECASE,
)
_UNSURE_ZH = re.compile("未|没|非|但|尽管|虽|却|赚|赔|涨跌|跌涨|不(?!及预期)")
# Words that take sides and that no table turns: what they say would still stand beside what was turned.
_LEFT_BEHIND = """
slips slipped slipping dips dipped dipping sinks sank sheds shed hurts hurt dents dented weighs weigh weighing
drags lags lag lagging woes woe hopes hope concerns concern worries worry fears fear sluggish subdued flat muted
bleeds crashes crashed crash collapses collapsed collapse bankruptcy bankrupt fraud lawsuit sues sued probe penalty
fined fine scandal warns warned warning risk risks threat threatens struggles struggling trouble crisis recession
default downturn layoffs rebounds rebound recovery boost nod bags bagged doubles doubled triples tripled zooms zoom
spurts spurt soft firm firms record robust solid upswing optimistic cheer cheers lifted shines outpaces halves
halved cracks cracked nosedives tanks tanked skids eases eased easing cools hot cheap attractive costlier dull
bounce bounces bullishness hit hits high low downside upside drying edges inches inched ticks ticked
gap gapping drag persistent ups
"""
_POLAR = frozenset(_LEFT_BEHIND.split())
_TOKEN = re.compile(r"[A-Za-z]+")


_WAYS = (Opposites(VERBS, TURNS), Opposites(NOUNS))
_WAYS_ZH = (Opposites(VERBS_ZH, spaced=False), Opposites(NOUNS_ZH, spaced=False))


def is_unsure(text: str) -> bool:
    """Whether to turn its words need not turn the meaning of `text`."""
    if is_chinese(text):
        return bool(_UNSURE_ZH.search(text))
    words = _TOKEN.findall(text.lower())
    return bool(_UNSURE.search(text)) or not _POLAR.isdisjoint(words) or _describes(text)


def _describes(text: str) -> bool:
    """Whether an adjective of direction tells of something else than how it goes: higher costs, good stock to buy."""
    return any(match[0].lower() in ADJECTIVES for match in _WAYS[0].pattern.finditer(text) if not _WAYS[0].means(match))


def direction_words(text: str, surfaces: Protected) -> list[re.Match[str]]:
    """Places of every word that could be turned."""
    return [match for turns in (_WAYS_ZH if is_chinese(text) else _WAYS) for match in turns.found(text, surfaces)]


def _apply(text: str, _: random.Random, surfaces: Protected) -> Attacked | None:
    if is_unsure(text):
        return None
    for turns in _WAYS_ZH if is_chinese(text) else _WAYS:
        if found := turns.found(text, surfaces):
            new = edited(text, ((match.start(), match.end(), turns.turned(match)) for match in found))
            return Attacked(text=new, surfaces=tuple(surfaces), before=turns.side(found))
    return None


DIRECTION = Attack(name="direction", apply=_apply, accepts=MIRRORED)
