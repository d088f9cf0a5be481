"""Invented input: a file of documents of which it is known, without any of our code, what must be counted.

Every tenth document is a copy of another, every fiftieth line comes twice, and every so many is poison.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ENTITIES = ("ACME", "BETA", "GAMMA")
CLASSES = ("negative", "neutral", "positive")
COPY_EVERY, REPEAT_EVERY = 10, 50
_SYLLABLES = [first + second for first in "bcdfghjklm" for second in "aeiou"]


@dataclass(slots=True)
class Expected:
    """What must be counted; made from the lines alone."""

    documents: set[str] = field(default_factory=set)  #: Ids.
    by_entity: Counter[str] = field(default_factory=Counter)  #: Documents.
    stories: Counter[str] = field(default_factory=Counter)  #: By class.
    poison: set[bytes] = field(default_factory=set)  #: Whole lines.


@dataclass(slots=True)
class Material:
    """Lines, and what they come to."""

    lines: list[bytes] = field(default_factory=list)
    expected: Expected = field(default_factory=Expected)

    def append(self, path: Path, part: int = 0, parts: int = 1) -> None:
        """Append the so-manyeth of so many parts of the lines to the file."""
        size = -(-len(self.lines) // parts)
        with path.open("ab") as file:
            file.writelines(line + b"\n" for line in self.lines[part * size : (part + 1) * size])

    def join(self, part: Material) -> None:
        """Add what `part` comes to; its lines are not kept."""
        mine, more = self.expected, part.expected
        mine.documents |= more.documents
        mine.by_entity += more.by_entity
        mine.stories += more.stories
        mine.poison |= more.poison


def make_material(documents: int, *, seed: int, poison_every: int = 1000, first: int = 0) -> Material:
    """So many documents, numbered from `first`; the same for the same seed."""
    random, made = Random(f"{seed}-{first}"), Material()
    text, entity = "", ENTITIES[0]
    for number in range(first, first + documents):
        is_copy = number % COPY_EVERY == COPY_EVERY - 1 and bool(text)
        if not is_copy:
            text, entity = _text(random), ENTITIES[number % len(ENTITIES)]
        _add(made, number, text, entity, is_copy=is_copy)
        if poison_every and number % poison_every == poison_every // 2:
            line = b'{"id": "p%d", "text": 7' % number
            made.lines.append(line)
            made.expected.poison.add(line)
    return made


def _add(made: Material, number: int, text: str, entity: str, *, is_copy: bool) -> None:
    at = T0 + timedelta(milliseconds=100 * number)
    sent = {"id": f"d{number}", "published_at": at.isoformat(), "text": text, "entities": [entity], "lang": "en"}
    line = json.dumps(sent).encode()
    made.lines.extend([line] * (2 if number % REPEAT_EVERY == 0 else 1))
    expected = made.expected
    expected.documents.add(f"d{number}")
    expected.by_entity[entity] += 1
    if not is_copy:
        expected.stories[text.rsplit(" ", 1)[1]] += 1


def _text(random: Random) -> str:
    """Words of no language, so that no two texts are alike; the last one is the class that the stub answers."""
    words = ("".join(random.choices(_SYLLABLES, k=3)) for _ in range(12))
    return f"{' '.join(words)} {random.choice(CLASSES)}"
