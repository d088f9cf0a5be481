"""Find what must agree between two tellings of one story: a legible text in, its facts out."""

from __future__ import annotations

import re

import msgspec

from pipelines.story_words import EVERYDAY

MAX_NAMES = 48
MAX_NUMBERS = 64

_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z][A-Za-z0-9]{0,9}(?:[.\-][A-Za-z]{1,2})?)(?!\w)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_LONG_WORD = re.compile(r"\b[^\W\d_]{5,}\b")
# A text in ordinary case has so many long words in small letters; headline case has next to none.
_SHARE_SMALL = 0.34


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must agree between two tellings of one story, and what the normalised text no longer shows."""

    entities: tuple[str, ...] = ()  #: Linked tickers, sorted.
    cashtags: tuple[str, ...] = ()  #: `$XYZ` as written, of anything, in capitals, sorted.
    numbers: tuple[str, ...] = ()  #: Values of the numbers, sorted, each once; security codes too.
    names: tuple[str, ...] | None = None  #: Words with a capital, sorted, in small letters; None where case tells none.


def facts_of(legible: str, words: str, *, entities: tuple[str, ...], cut: bool) -> Facts:
    """Facts of a legible text whose words, with their case, are `words`.

    Of a text that is cut the last word does not count: it may be half a number.
    """
    if cut:
        legible, words = legible.rpartition(" ")[0], words.rpartition(" ")[0]
    tags = {tag.upper() for tag in _CASHTAG.findall(legible)} if "$" in legible else ()
    return Facts(
        entities=tuple(sorted(entities)),
        cashtags=tuple(sorted(tags)),
        numbers=tuple(sorted({_value(number) for number in _NUMBER.findall(words)})[:MAX_NUMBERS]),
        names=_names(words),
    )


def _value(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _names(words: str) -> tuple[str, ...] | None:
    long = _LONG_WORD.findall(words)
    small = sum(word[0].islower() for word in long)
    if not any(map(str.isupper, words)) or small < _SHARE_SMALL * len(long):
        return None
    found: set[str] = set()
    led = False
    for word in words.split():
        # "Borlo Systems": an everyday word behind a name is part of it.
        led = word[0].isupper() and (led or word.casefold() not in EVERYDAY)
        if led:
            found.add(word.casefold())
    return tuple(sorted(found)[:MAX_NAMES])
