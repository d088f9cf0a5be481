"""What an attack is, and the tools that all of them share: pure, seeded by the caller.

A text comes in with the surfaces by which it names its entities; a changed text goes out, with the surfaces that name
the same entities there. Attacks leave the places of the surfaces alone, so that the entities can still be found.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2  #: In the order of the sentiment head.

SAME: Mapping[int, frozenset[int]] = MappingProxyType({label: frozenset({label}) for label in range(3)})

Protected = Sequence[str]
"""Surfaces of the entities that must stay findable; they may repeat."""

Span = tuple[int, int]
Edit = tuple[int, int, str]
"""Start, end, and what to put there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """A text that was changed."""

    text: str
    surfaces: tuple[str, ...]  #: The surfaces that were given, in their order, as they read now.
    before: int | None = None  #: The sentiment that the changed words spoke for; None: they do not tell.


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way of changing a text."""

    name: str
    apply: Callable[[str, random.Random, Protected], Attacked | None]  #: None: it makes no sense on this text.
    accepts: Mapping[int, frozenset[int]] = field(default_factory=lambda: SAME)  #: From the true sentiment to those
    #: that are right afterwards; one that it lacks cannot be judged.

    @property
    def preserves(self) -> bool:
        """True where the right answer stays what it was."""
        return self.accepts is SAME


WORD = re.compile(r"(?<![\w$#@&/.'-])[A-Za-z]{4,}(?![\w@/]|[.'-]\w)")  #: No tag, address, or part of a compound.

_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN = re.compile("[A-Za-z]")


def changed(text: str, new: str, surfaces: Protected) -> Attacked | None:
    """`new` as an attack that left the surfaces as they were; None where nothing has changed."""
    return None if new == text else Attacked(text=new, surfaces=tuple(surfaces))


def is_chinese(text: str) -> bool:
    """Whether Chinese characters carry the text, a few Latin names beside them or not."""
    ideographs = len(_IDEOGRAPH.findall(text))
    return ideographs > 0 and 2 * ideographs >= len(_LATIN.findall(text))


def occupied(text: str, surfaces: Protected) -> list[Span]:
    """Start and end of every place where a surface stands, in any case."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter that grows in lower case would shift the places
        lowered = text
    found: list[Span] = []
    for surface in {*surfaces}:
        sought = surface.lower() if lowered is not text else surface
        start = lowered.find(sought) if sought else -1
        while start >= 0:
            found.append((start, start + len(sought)))
            start = lowered.find(sought, start + 1)
    return found


def free_matches(pattern: re.Pattern[str], text: str, surfaces: Protected) -> list[re.Match[str]]:
    """Matches of `pattern` that touch no surface."""
    taken = occupied(text, surfaces)
    return [m for m in pattern.finditer(text) if not any(m.start() < end and m.end() > start for start, end in taken)]


def gaps(text: str, surfaces: Protected) -> list[int]:
    """Places at a blank, the beginning or the end, where something can be put in without touching a surface."""
    taken = occupied(text, surfaces)
    places = [0, *(index for index, letter in enumerate(text) if letter == " "), len(text)]
    return [place for place in places if not any(start < place < end for start, end in taken)]


def edited(text: str, edits: Iterable[Edit]) -> str:
    """`text` with `edits`, which must not overlap, carried out."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        parts += (text[at:start], new)
        at = end
    return "".join((*parts, text[at:]))


def some(chance: random.Random, among: Sequence[re.Match[str]], *, share: float) -> list[re.Match[str]]:
    """About `share` of `among`, at least one; none of nothing."""
    return chance.sample(among, min(len(among), max(1, round(share * len(among)))))
