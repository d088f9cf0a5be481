"""Invented texts of mixed length: mostly headlines and posts, one in eight a long article; mean about 45 tokens."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from monitor.demo.stream import history

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PARTS = (1, 1, 1, 1, 1, 1, 1, 10)  #: Documents joined to one text; 32 as they come are four fifths padding.


def mixed_texts(count: int, *, seed: int = 3) -> list[str]:
    """`count` texts; the same for the same seed."""
    draw = random.Random(seed)
    pool = [" ".join(filter(None, (d.get("title"), d["text"]))) for d in history(NOW)]
    return [f"{' '.join(draw.choices(pool, k=draw.choice(PARTS)))} {number}" for number in range(count)]


def told_once(texts: list[str], *, seed: int = 3) -> list[str]:
    """The same words in an order of each text's own: as much to read, and no two tell one story."""
    draw = random.Random(seed)
    return [" ".join(draw.sample(words, len(words))) for words in map(str.split, texts)]
