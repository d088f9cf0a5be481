"""What is remembered of a text is what sketching it again would give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipelines import sketch_cache
from pipelines.sketch_cache import SketchCache
from pipelines.stories import Sketch, StoryText, sketches
from tests.fixtures.told import OUTLOOK, STRIKE, invented


def text(content: str, title: str = "", entities: tuple[str, ...] = ()) -> StoryText:
    """What of a document tells its story."""
    return StoryText(content=content, title=title, entities=entities)


def facts(sketch: Sketch) -> tuple[object, ...]:
    """All of a sketch, comparable."""
    return sketch.text, sketch.digest, sketch.bands.tolist(), sketch.facts


def test_sketches_are_those_of_the_texts_whether_remembered_or_not() -> None:
    """Title, entities and writing belong to a text: the same words under another title are sketched anew."""
    texts = [
        text(OUTLOOK), text(OUTLOOK.upper()), text(OUTLOOK, entities=("NORD",)), text(STRIKE), text(OUTLOOK),
        text(f"Walkout at the port of Velden\n{STRIKE}", title="Walkout at the port of Velden"), text("\ud800"),
    ]  # fmt: skip
    cache = SketchCache()
    for turn in (texts, texts[::-1]):
        assert list(map(facts, cache.sketches(turn))) == list(map(facts, sketches(turn)))
    assert len(cache) == 6


def test_a_text_is_sketched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a batch and later; a burst of copies must not cost a sketch each."""
    made: list[StoryText] = []

    def counted(texts: Sequence[StoryText]) -> list[Sketch]:
        made.extend(texts)
        return sketches(texts)

    monkeypatch.setattr(sketch_cache, "sketches", counted)
    cache = SketchCache()
    cache.sketches([text(OUTLOOK)] * 100)
    cache.sketches([text(STRIKE), text(OUTLOOK)])
    assert made == [text(OUTLOOK), text(STRIKE)]


def test_the_oldest_go_first_and_a_batch_may_hold_more() -> None:
    """Memory is bounded, and every text gets its sketch all the same."""
    cache = SketchCache(max_sketches=3)
    batch = [text(invented(n)) for n in range(5)]
    assert all(np.array_equal(a.bands, b.bands) for a, b in zip(cache.sketches(batch), sketches(batch), strict=True))
    assert len(cache) == 3
