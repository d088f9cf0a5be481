"""Answers over many examples, for everything that judges a model: evaluation, calibration, robustness, the gate.

Texts with the entities that are asked about come in; arrays of probabilities go out, in the order of the examples,
whatever batches they ran in. The texts are taken as prepared (`models.text`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.backend import Answers, DeviceMemoryError, Tokens
from models.batching import plan

Array = NDArray[np.float64]


class Engine(Protocol):
    """What is asked: `models.engine.TorchEngine` is one."""

    @property
    def default_budget(self) -> int:
        """Padded tokens a batch that suit the device."""

    def tokenise(self, texts: Sequence[str], surfaces: Sequence[Sequence[Sequence[str]]]) -> Sequence[Tokens]:
        """Tokens of each text; per text and entity its surfaces."""

    def run(self, rows: Sequence[Tokens]) -> Answers:
        """Probabilities of `rows`; raises `DeviceMemoryError` when they do not fit."""


class Question(Protocol):
    """A text and the entities in it that are asked about."""

    @property
    def text(self) -> str:
        """Prepared."""

    @property
    def entities(self) -> tuple[tuple[str, int], ...]:
        """Surface and true sentiment of each; the latter is not looked at here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the model said, in the order of the examples; every row of a two-dimensional array sums to 1."""

    topics: Array  #: Examples x topics.
    sentiments: Array  #: Examples x (negative, neutral, positive).
    finance: Array  #: Examples; probability that the text is about finance.
    entities: Array  #: Entities x (negative, neutral, positive), example after example.


def answers_of(engine: Engine, examples: Sequence[Question]) -> Judged:
    """Ask `engine` about every example, in batches of similar length."""
    if not examples:
        raise ValueError("there is no example to ask about")
    surfaces = [[[surface] for surface, _ in example.entities] for example in examples]
    rows = engine.tokenise([example.text for example in examples], surfaces)
    order: list[int] = []
    parts: list[Answers] = []
    for batch in plan([len(row.ids) for row in rows], budget=engine.default_budget):
        order.extend(batch)
        parts.extend(_run(engine, [rows[index] for index in batch]))
    return _in_order(parts, order, [len(example.entities) for example in examples])


def _run(engine: Engine, rows: Sequence[Tokens]) -> list[Answers]:
    """Answers of `rows`, in halves where the device has no room for the whole."""
    try:
        return [engine.run(rows)]
    except DeviceMemoryError:
        if len(rows) == 1:
            raise
    half = len(rows) // 2
    return [*_run(engine, rows[:half]), *_run(engine, rows[half:])]


def _in_order(parts: Sequence[Answers], order: Sequence[int], asked: Sequence[int]) -> Judged:
    back = np.argsort(np.asarray(order))
    owners = np.repeat(np.asarray(order), [asked[index] for index in order])
    return Judged(
        topics=_joined([part.topics for part in parts])[back],
        sentiments=_joined([part.sentiments for part in parts])[back],
        finance=_joined([part.finance for part in parts])[back],
        entities=_joined([part.entities for part in parts])[np.argsort(owners, kind="stable")],
    )


def _joined(parts: Sequence[NDArray[np.float32]]) -> Array:
    return np.concatenate(parts).astype(np.float64)
