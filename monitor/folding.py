"""Fold disguised letters: invisible characters go, look-alikes become what they look like. Pure, standard library only.

Real words of Greek, Cyrillic, Chinese and so on stay untouched. Folding twice is folding once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

# Each look-alike with the letter that it looks like; written as code points, for nobody could tell them apart.
# In the loose half the likeness is good enough only beside real Latin letters.
_CYRILLIC = (
    "\u0430a\u0441c\u0435e\u043eo\u0440p\u0445x\u0443y\u0456i\u0455s\u0458j\u04bbh\u0501d\u051bq\u051dw"
    "\u04cfl\u0475v\u04afy\u0410A\u0412B\u0415E\u041aK\u041cM\u041dH\u041eO\u0420P\u0421C\u0422T\u0425X"
    "\u0423Y\u0406I\u0405S\u0408J\u050cG\u051aQ\u051cW\u04c0I\u04aeY\u04bah"
)
_CYRILLIC_LOOSE = "\u043ak\u043cm\u0442t\u0432b\u043dh\u043fn\u0433r\u0438u\u044cb\u050dg\u0454e\u0453r\u0491r\u0493f"
_GREEK = (
    "\u03b1a\u03b5e\u03b9i\u03bak\u03bdv\u03bfo\u03c1p\u03c4t\u03c5u\u03c7x\u03b3y\u03b7n\u03c9w\u03f2c"
    "\u03f3j\u03b2b\u0391A\u0392B\u0395E\u0396Z\u0397H\u0399I\u039aK\u039cM\u039dN\u039fO\u03a1P\u03a4T"
    "\u03a5Y\u03a7X\u03f9C"
)
_ARMENIAN = "\u0585o\u057du\u0578n\u0570h\u0581g\u0566q\u0584p\u0575j\u054fS\u054dU\u0555O\u053cL\u0561w\u0531U"
_CHEROKEE = (
    "\u13a0D\u13a1R\u13a2T\u13a5i\u13aaA\u13abJ\u13acE\u13b3W\u13b7M\u13bbH\u13bdY\u13c0G\u13c2h\u13c3Z"
    "\u13cfb\u13d2R\u13d4W\u13d5S\u13d9V\u13daS\u13deL\u13dfC\u13e2P\u13e6K\u13e7d\u13f4B"
)
_LATIN = (
    "\u0251a\u0261g\u1d00a\u0299b\u1d04c\u1d05d\u1d07e\ua730f\u0262g\u029ch\u026ai\u1d0aj\u1d0bk\u029fl"
    "\u1d0dm\u0274n\u1d0fo\u1d18p\u0280r\ua731s\u1d1bt\u1d1cu\u1d20v\u1d21w\u028fy\u1d22z"
)

# Zero-width, directional, filling, selecting a variant, tagging.
_INVISIBLE = ((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
              (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
              (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0xE0000, 0xE0FFF))  # fmt: skip

# Ranges of letters and digits in another dress. Fractions, powers, units and Chinese punctuation are no dress.
_DRESSED = ((0x017F, 0x017F), (0x1D2C, 0x1D6A), (0x2071, 0x2071), (0x207F, 0x207F), (0x2090, 0x209C), (0x2102, 0x2138),
            (0x24B6, 0x24E9), (0xFF10, 0xFF5A), (0x1D400, 0x1D7FF), (0x1F130, 0x1F149), (0x1FBF0, 0x1FBF9))  # fmt: skip
_JOINED = ((0x2160, 0x217F), (0xFB00, 0xFB06))  # Roman numbers and ligatures: more letters than one.
_WIDE_SIGNS = "\uff03\uff04\uff05\uff06\uff0b\uff0d\uff0e\uff0f\uff20"  # #$%&+-./@ that stand in numbers and tags
_BLACK_LETTERS = ((0x1F150, 0x1F169), (0x1F170, 0x1F189))  # White on a black disc or square: A to Z.


def _pairs(table: str) -> dict[str, str]:
    return dict(zip(table[::2], table[1::2], strict=True))


LOOKALIKES: Mapping[str, str] = MappingProxyType(
    _pairs(_CYRILLIC) | _pairs(_CYRILLIC_LOOSE) | _pairs(_GREEK) | _pairs(_ARMENIAN) | _pairs(_CHEROKEE)
)
"""Letter of another script to the Latin letter that it looks like."""

EXACT: Mapping[str, str] = MappingProxyType(_pairs(_CYRILLIC))
"""Those that no reader can tell apart: a whole word of them is taken for a disguise in a Latin text."""


def _undressed() -> Iterator[tuple[int, str]]:
    for start, end in (*_DRESSED, *_JOINED):
        for code in range(start, end + 1):
            plain = unicodedata.normalize("NFKC", chr(code))
            if plain.isascii() and plain.isalnum() and (len(plain) == 1 or (start, end) in _JOINED):
                yield code, plain
    for start, _ in _BLACK_LETTERS:
        yield from ((start + at, chr(ord("A") + at)) for at in range(26))
    yield from ((ord(sign), chr(ord(sign) - 0xFEE0)) for sign in _WIDE_SIGNS)
    yield from ((ord(small), plain) for small, plain in _pairs(_LATIN).items())


BASIC = 0xFFFF  #: The last character of the basic plane.
_PLAIN: dict[int, str] = dict(_undressed()) | {code: "" for start, end in _INVISIBLE for code in range(start, end + 1)}
# Two patterns: a set of characters is looked up at once only where all are of the basic plane.
_SUSPECT = re.compile(f"[{''.join(chr(code) for code in _PLAIN if code <= BASIC)}{''.join(LOOKALIKES)}]")
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_DISGUISED = re.compile(f"[{''.join(LOOKALIKES)}]")
_DISGUISES = str.maketrans(dict(LOOKALIKES))

_WORD = re.compile("[^\\W\\d_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+")
_LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_ALL_EXACT = re.compile(f"[{''.join(EXACT)}]+")
_CYRILLIC_LETTER = re.compile("[\u0400-\u052f]")
_SYMBOL_BEHIND = re.compile("[A-Z]+[\u03b1-\u03c9]")

MOSTLY = 2  #: Latin letters for each Cyrillic one, from which on a text is Latin.


def fold(text: str) -> str:
    """`text` as it is meant to be read: no invisible characters, no dressed-up letters, no look-alikes in Latin words.

    A word is changed where it mixes Latin letters with look-alikes only, or where it is made of perfect Cyrillic
    look-alikes in a text that is Latin otherwise. A text without any of these is returned as it is.
    """
    if text.isascii() or not (_SUSPECT.search(text) or _BEYOND.search(text)):
        return text
    plain = text.translate(_PLAIN)
    if not _DISGUISED.search(plain):
        return plain
    return _lone_folded(_WORD.sub(_mixed_folded, plain))


def _mixed_folded(word: re.Match[str]) -> str:
    letters = word[0]
    folded = letters.translate(_DISGUISES)
    if folded == letters or not _LATIN_LETTER.search(letters) or _SYMBOL_BEHIND.fullmatch(letters):
        return letters
    return folded if len(_LATIN_LETTER.findall(folded)) == len(folded) else letters


def _lone_folded(text: str) -> str:
    """Fold words of perfect look-alikes, unless the text has real Cyrillic in it."""
    lone: set[str] = set()
    for word in set(_WORD.findall(text)):
        if _ALL_EXACT.fullmatch(word):
            lone.add(word)
        elif _CYRILLIC_LETTER.search(word):
            return text
    foreign = len(_CYRILLIC_LETTER.findall(text))
    if not lone or len(_LATIN_LETTER.findall(text)) < MOSTLY * foreign:
        return text
    return _WORD.sub(lambda word: word[0].translate(_DISGUISES) if word[0] in lone else word[0], text)
