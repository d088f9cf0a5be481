"""Tell whether two texts are one story: two sketches in, their likeness out.

Works from what a database row holds: the normalised text and its facts, never the text as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

ALIKE = 88  #: Least likeness of the words of one story, of 100.
MORE_TEXT = 1.5  #: From this many times the words on, the longer text reads differently.


class Likeness(StrEnum):
    """What two texts are to each other."""

    DIFFERENT = auto()  #: Two stories.
    SAME_STORY = auto()  #: One story, told in materially different words or more of them.
    SAME_TEXT = auto()  #: One story that reads alike: what is said of one holds for the other.


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must agree between two tellings of one story, and what the normalised text no longer shows."""

    entities: tuple[str, ...] = ()  #: Linked tickers, sorted.
    numbers: tuple[str, ...] = ()  #: Values of the numbers, sorted, each once.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """What is kept of a text to find its copies."""

    text: str  #: Normalised and cut at the limit.
    digest: bytes  #: 16 bytes of the whole normalised text; equal texts have equal digests.
    bands: NDArray[np.uint64]  #: Keys of the buckets in which candidates are found, `BANDS` of them.
    facts: Facts


def compare(a: Sketch, b: Sketch) -> Likeness:
    """What `a` and `b` are to each other; the same in either order."""
    if a.digest == b.digest:
        return Likeness.SAME_TEXT
    if _conflict(a.facts.entities, b.facts.entities) or _conflict(a.facts.numbers, b.facts.numbers):
        return Likeness.DIFFERENT
    if fuzz.token_set_ratio(a.text, b.text) < ALIKE:
        return Likeness.DIFFERENT
    short, long = sorted((len(a.text), len(b.text)))
    return Likeness.SAME_STORY if long > MORE_TEXT * short else Likeness.SAME_TEXT


def _conflict(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether either side has something that the other lacks."""
    return not (set(a) <= set(b) or set(b) <= set(a))
