"""Tell whether two texts are one story: two sketches in, their likeness out.

Works from what a database row holds: the normalised text and its facts, never the text as it came. One story are two
texts whose facts agree and of which one is the other but for a few edited words, or is found whole within the other: a
cut end, a headline with and without its article, a quotation. The words are aligned (Levenshtein's distance, by
rapidfuzz), and an edit that changes a name, a number, a count or the direction of the news makes another story, however
small it is: results of two companies in one template differ in little else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

import numpy as np
from numpy.typing import NDArray

from pipelines.alignment import Alignment, aligned
from pipelines.edits import turns_the_news
from pipelines.facts import Facts

MORE_TEXT = 1.5  #: From this many times the words that both have, the longer text reads differently.
EDITED_SHARE = 0.1  #: Share of the words that may be edited,
EDITED_WORDS = 1  #: and so many beyond it,
EDITED_CHARACTERS = 4  #: or characters of a script without spaces.
LEAST_SHARED = 4  #: Words that say something in both, for one to be found within the other,
LEAST_SHARED_UNSPACED = 8  #: and characters of a script without spaces.


class Likeness(StrEnum):
    """What two texts are to each other."""

    DIFFERENT = auto()  #: Two stories.
    SAME_STORY = auto()  #: One story, told in materially different words or more of them.
    SAME_TEXT = auto()  #: One story that reads alike: what is said of one holds for the other.


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
    if not _facts_agree(a, b):
        return Likeness.DIFFERENT
    a, b = sorted((a, b), key=lambda sketch: (len(sketch.text), sketch.text))
    short, long = a.text.split(), b.text.split()
    found = aligned(short, long)
    if not _mostly_shared(found, a.facts) or turns_the_news(found, a.facts.names, b.facts.names):
        return Likeness.DIFFERENT
    longest = max(len(short), len(long))
    return Likeness.SAME_STORY if longest > MORE_TEXT * (found.shared + found.edits) else Likeness.SAME_TEXT


def _facts_agree(a: Sketch, b: Sketch) -> bool:
    one, other = a.facts, b.facts
    return not (
        _differ(one.entities, other.entities)
        or _differ(one.cashtags, other.cashtags)
        or _differ(one.numbers, other.numbers)
    )


def _differ(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether either side has something that the other lacks: a copy may lose some, or add some, but not both."""
    return a != b and not (set(a) <= set(b) or set(b) <= set(a))


def _mostly_shared(found: Alignment, facts: Facts) -> bool:
    beyond = EDITED_CHARACTERS if found.unspaced else EDITED_WORDS
    if found.edits > beyond + EDITED_SHARE * (found.shared + found.edits):
        return False
    if found.whole:
        return found.shared > found.edits
    return found.saying(facts.cashtags) >= (LEAST_SHARED_UNSPACED if found.unspaced else LEAST_SHARED)
