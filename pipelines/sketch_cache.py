"""Sketch a text once however often it comes: texts in, their sketches out, those of the latest texts remembered.

A wire story comes over and over in the same words, and sketching is the dearest part of finding that out. What is
remembered is bounded: a digest instead of the text, and the sketch. For one thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pipelines.latest import Latest
from pipelines.stories import Sketch, StoryText, sketches

MAX_SKETCHES = 5_000

_Key = tuple[bytes, str, tuple[str, ...]]


class SketchCache:
    """The latest sketches by what they were made of."""

    def __init__(self, *, max_sketches: int = MAX_SKETCHES) -> None:
        self._held = Latest[_Key, Sketch](max_sketches)

    def __len__(self) -> int:
        """Sketches held."""
        return len(self._held)

    def sketches(self, texts: Sequence[StoryText]) -> list[Sketch]:
        """The same as `stories.sketches`."""
        keys = [_key(text) for text in texts]
        known = self._held.use(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        fresh = dict(zip(missing, sketches(list(missing.values())), strict=True))
        self._held.keep(fresh)
        known |= fresh
        return [known[key] for key in keys]


def _key(text: StoryText) -> _Key:
    digest = hashlib.blake2b(text.content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return digest, text.title, text.entities
