"""Numbers written another way: 12,000,000 as 12m, 12 million or twelve million; 5% as 5 percent; crores as millions."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from models.attacks.attack import Attack, Attacked, Protected, changed, edited, free_matches, is_chinese

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SHORT: Mapping[str, tuple[str, ...]] = {
    "m": ("million", "mn", "mln"), "mn": ("million", "m"), "mln": ("million", "m"), "million": ("m", "mn", "mln"),
    "b": ("billion", "bn"), "bn": ("billion", "B"), "bln": ("billion", "bn"), "billion": ("bn", "B"),
    "k": ("thousand",), "thousand": ("k",), "trillion": ("tn", "trn"), "tn": ("trillion",),
}  # fmt: skip
_INDIAN = {"crore": Decimal(10), "cr": Decimal(10), "lakh": Decimal("0.1")}  # in millions
_NUMBER = (
    r"(?:(?P<named>\b(?:Rs\.?|INR|Grade|Phase|Type|Series|Model|No\.) ?)|(?<![\w.,/:-]))"
    r"(?P<sign>[$\u20ac\u00a3]?)(?P<number>\d+(?:,\d{3})*(?:\.\d+)?)"
)
_ENGLISH = re.compile(
    _NUMBER
    + r"(?:(?P<percent> ?%| percent\b| pct\b| per cent\b)|(?P<gap> ?)(?P<unit>million|billion|trillion|thousand|mln|bln"
    + r"|crore|lakh|mn|bn|tn|cr|m|b|k)\b)?(?![\w%/:-]|[.,]\d|,| %)",
    re.IGNORECASE,
)
_CHINESE = re.compile(r"(?<![\w.,])(?P<number>\d+(?:\.\d+)?)(?P<unit>%|亿)", re.ASCII)
_MILLIONS = ((Decimal(10) ** 9, "billion"), (Decimal(10) ** 6, "million"), (Decimal(10) ** 3, "thousand"))
GROUPED_FROM = 10_000  #: Below it, a number without a unit may be a year.


def _apply(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    pattern, rewrite = (_CHINESE, _chinese) if is_chinese(text) else (_ENGLISH, _english)
    found = free_matches(pattern, text, surfaces)
    return changed(text, edited(text, ((m.start(), m.end(), rewrite(m, chance)) for m in found)), surfaces)


def _english(match: re.Match[str], chance: random.Random) -> str:
    sign, number = (match["named"] or "") + match["sign"], match["number"]
    if match["percent"]:
        return f"{sign}{number}{_other(match['percent'], ('%', ' percent', ' pct', ' per cent'), chance)}"
    unit = (match["unit"] or "").lower()
    if unit in _INDIAN:
        return sign + _in_millions(Decimal(number.replace(",", "")) * _INDIAN[unit])
    if unit:
        other = chance.choice(_SHORT[unit])
        return f"{sign}{number}{' ' if len(other) > len('mln') else ''}{other}"
    return sign + (_in_words(number, chance) if not sign or "," in number else number)


def _in_millions(millions: Decimal) -> str:
    return f"{_shown(millions / 1000)} billion" if millions >= 1000 else f"{_shown(millions)} million"  # noqa: PLR2004


def _in_words(number: str, chance: random.Random) -> str:
    """A bare number: small ones as words, large ones shortened or regrouped."""
    if number.isdigit() and int(number) < len(_WORDS):
        return _WORDS[int(number)]
    value = Decimal(number.replace(",", ""))
    if value != value.to_integral_value() or ("," not in number and value < GROUPED_FROM):
        return number
    ways: list[Callable[[], str]] = [lambda: str(int(value)) if "," in number else f"{int(value):,}"]
    scale = next(((size, name) for size, name in _MILLIONS if value >= size and value % (size / 10) == 0), None)
    if scale:
        shown = _shown(value / scale[0])
        ways += [lambda: f"{shown} {scale[1]}", lambda: f"{shown}{scale[1][0].lower().replace('t', 'k')}"]
    return chance.choice(ways)()


def _chinese(match: re.Match[str], _: random.Random) -> str:
    if match["unit"] == "%":
        return f"百分之{match['number']}"
    return f"{_shown(Decimal(match['number']) * 10_000)}万"


def _other(now: str, forms: tuple[str, ...], chance: random.Random) -> str:
    return chance.choice([form for form in forms if form.strip() != now.strip().lower()])


def _shown(value: Decimal) -> str:
    """Without an exponent or zeros at the end."""
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


NUMBERS = Attack(name="numbers", apply=_apply)
