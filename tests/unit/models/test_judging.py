"""Answers come back in the order of the examples, whatever batches they ran in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from models.backend import Answers, DeviceMemoryError, Tokens
from models.judging import answers_of
from models.training.rows import Example


class Echo:
    """A backend whose answers tell which text and entity they belong to; it has room for `room` tokens."""

    default_budget = 12

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.batches: list[int] = []

    def tokenise(self, texts: Sequence[str], surfaces: Sequence[Sequence[Sequence[str]]]) -> list[Tokens]:
        return [
            Tokens(ids=[int(text)] * (int(text) % 7 + 1), spans=tuple((int(written[0]),) for written in asked))
            for text, asked in zip(texts, surfaces, strict=True)
        ]

    def run(self, rows: Sequence[Tokens]) -> Answers:
        if len(rows) * max(len(row.ids) for row in rows) > self.room:
            raise DeviceMemoryError("too small")
        self.batches.append(len(rows))
        names = np.array([row.ids[0] for row in rows], dtype=np.float32)
        spans = [span[0] for row in rows for span in row.spans]
        return Answers(
            topics=names[:, None] * np.ones((1, 4), dtype=np.float32),
            sentiments=names[:, None] * np.ones((1, 3), dtype=np.float32),
            finance=names,
            entities=np.array(spans, dtype=np.float32)[:, None] * np.ones((1, 3), dtype=np.float32),
        )


def examples(count: int = 40) -> list[Example]:
    """Example k has k % 3 entities, named 100 k + its place."""
    return [
        Example(text=str(k), source="t", entities=tuple((str(100 * k + place), 0) for place in range(k % 3)))
        for k in range(count)
    ]


@pytest.mark.parametrize("room", [1000, 8])
def test_answers_stand_in_the_order_of_the_examples(room: int) -> None:
    """A measure over shuffled answers would be noise; a small device cuts batches and changes nothing."""
    engine = Echo(room)
    found = answers_of(engine, examples())
    assert len(engine.batches) > 4
    assert found.finance.tolist() == list(range(40))
    assert found.topics[:, 2].tolist() == list(range(40))
    assert found.sentiments[:, 0].tolist() == list(range(40))
    assert found.entities[:, 1].tolist() == [100 * k + place for k in range(40) for place in range(k % 3)]
    assert found.entities.dtype == np.float64


def test_a_device_without_room_for_one_text_says_so() -> None:
    """Halving for ever would hang."""
    with pytest.raises(DeviceMemoryError):
        answers_of(Echo(3), examples())


def test_nothing_to_ask_is_an_error() -> None:
    """An empty array has no measure."""
    with pytest.raises(ValueError, match="no example"):
        answers_of(Echo(), [])
