"""Training rows as values: a text with the labels it has, and which texts repeat each other. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.text import prepare

NO_LABEL = -100  #: What cross-entropy leaves out.
MAX_CHARS = 4000
WORD_SENTIMENTS: Mapping[str, int] = {"negative": 0, "neutral": 1, "positive": 2}  #: In the order of the heads.

_NOT_WORD = re.compile(r"\W+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """What a stronger model answers on a text: probabilities for the student to imitate."""

    topic: tuple[float, ...]
    sentiment: tuple[float, ...]
    entities: tuple[tuple[float, ...], ...]  #: One each for the entities of the example.


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text with the labels it has."""

    text: str  #: Prepared.
    source: str  #: tweets, headlines, topics, invented, stream, or the name of a file.
    lang: str = "en"
    topic: int = NO_LABEL
    sentiment: int = NO_LABEL  #: Of the text as a whole: 0 negative, 1 neutral, 2 positive.
    finance: int = NO_LABEL  #: 1 about finance, 0 not.
    entities: tuple[tuple[str, int], ...] = ()  #: Each named entity, as written, and the sentiment towards it.
    teacher: Teacher | None = None

    @property
    def surfaces(self) -> tuple[tuple[str, ...], ...]:
        """The entities as the engine asks for them."""
        return tuple((name,) for name, _ in self.entities)


def repeat_key(text: str) -> str:
    """What two rows share when one repeats the other: words in lower case, without links."""
    return _NOT_WORD.sub(" ", prepare(text, max_chars=MAX_CHARS).lower()).strip()


def without_repeats(rows: Iterable[Example], *, held_out: Iterable[Example]) -> Iterator[Example]:
    """Rows with words that neither stand in `held_out` nor repeat an earlier row of the same task."""
    barred = {repeat_key(example.text) for example in held_out}
    seen: set[tuple[bool, str]] = set()
    for example in rows:
        key = repeat_key(example.text)
        task = (example.topic == NO_LABEL, key)
        if key and key not in barred and task not in seen:
            seen.add(task)
            yield example


def lot(text: str, *, salt: str = "") -> float:
    """A number in [0, 1) that is always the same for a text and its repeats: what sorts rows into splits."""
    digest = hashlib.sha256(f"{salt}{repeat_key(text)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
