"""Entity swap: every name becomes that of an invented company, the same one wherever it stands.

What is said of a company does not hang on which company it is. Names of goods, currencies, indices and kinds of firm
stay: of them the verbs mean something else. A text without named entities swaps its cashtags.
"""

from __future__ import annotations

import random
import re

from models.attacks.attack import Attack, Attacked, Edit, Protected, edited, is_chinese, occupied
from models.attacks.insertions import ticker
from models.mentions import places

# Goods, currencies, indices, kinds of firm and of paper, authorities, countries.
_NOT_COMPANIES = """
gold silver copper zinc nickel lead aluminium aluminum platinum palladium crude oil brent gas sugar cotton wheat
corn soybean soyabean rubber pepper cardamom turmeric jeera guar rupee dollar euro yen pound yuan currency sensex
nifty dow nasdaq nikkei ftse index indices market markets sector stocks stock shares equities bonds bond gilts
funds fund etf etfs banks bank caps cap smallcap midcap psu psus fii fiis ipo ipos realty auto pharma it fmcg
metals metal commodities commodity government rbi fed sebi china india us usa uk japan europe inflation gdp
"""
NOT_COMPANIES = frozenset(_NOT_COMPANIES.split())

_FIRST = ("Bramfeld", "Corvanti", "Dellmark", "Estrano", "Fennwick", "Galdora", "Harrowgate", "Istrava", "Jorvane",
          "Keldmoor", "Lanterra", "Merovan", "Nordhelm", "Ostrava", "Pellucor", "Quarrion", "Rivermont", "Sandhurst",
          "Tarnwell", "Ulverton", "Vantrel", "Westermark", "Xanthia", "Yarrowby", "Zephyrine")  # fmt: skip
_LAST = ("Group", "Holdings", "Industries", "Systems", "Partners", "Brands", "Labs", "Works", "Motors", "Foods", "")
_ZH_FIRST = ("远岚", "禾沛", "锦澜", "岱峤", "朔川", "霁云", "沐川", "恒屿", "澄海", "瀚舟", "景砚", "启陆")
_ZH_LAST = ("科技", "股份", "集团", "实业", "控股", "电子", "新材")

_CASHTAG = re.compile(r"\$[A-Za-z]{1,5}\b")
_TICKER = re.compile(r"\$?[A-Z]{2,5}")


def _apply(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    named = list(dict.fromkeys(surfaces or _CASHTAG.findall(text)))
    swappable = [name for name in named if _is_company(name) and not _is_inside(name, named)]
    firsts, firsts_zh = chance.sample(_FIRST, len(_FIRST)), chance.sample(_ZH_FIRST, len(_ZH_FIRST))
    swapped = {name: _invented(name, first, first_zh, chance)
               for name, first, first_zh in zip(swappable, firsts, firsts_zh, strict=False)}  # fmt: skip
    edits = _apart([(start, end, new) for name, new in swapped.items() for start, end in places(text, name)])
    if not edits:
        return None
    return Attacked(text=edited(text, edits), surfaces=tuple(swapped.get(surface, surface) for surface in surfaces))


def _is_company(name: str) -> bool:
    return not NOT_COMPANIES & set(re.findall(r"\w+", name.lower()))


def _is_inside(name: str, named: list[str]) -> bool:
    """Whether another name contains this one or the other way round: to swap one would lose the other."""
    return any(name is not other and occupied(*pair) for other in named for pair in ((name, [other]), (other, [name])))


def _invented(name: str, first: str, first_zh: str, chance: random.Random) -> str:
    if is_chinese(name):
        return first_zh + chance.choice(_ZH_LAST)
    if name.startswith("$"):
        return f"${ticker(chance)}"
    if _TICKER.fullmatch(name):
        return ticker(chance)
    return f"{first} {chance.choice(_LAST)}".strip()


def _apart(edits: list[Edit]) -> list[Edit]:
    """Edits without those that overlap an earlier one."""
    kept: list[Edit] = []
    for edit in sorted(edits):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


ENTITY_SWAP = Attack(name="entity_swap", apply=_apply)
