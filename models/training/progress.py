"""How good the network is on the development rows: what chooses the stop.

A source is scored on the tasks that it labels; a task's score is the mean of accuracy and macro-F1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.evaluation.measures import Scores, score
from models.training.rows import NO_LABEL, Example

Array = NDArray[np.float64]
TASKS = ("topic", "sentiment", "finance", "entity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Logits of every head, in the order of the examples."""

    topic: Array
    sentiment: Array
    finance: Array
    entity: Array  #: Entities x classes, example after example.

    def of(self, name: str) -> Array:
        """The logits of one task."""
        values: Array = getattr(self, name)
        return values


def labels_in_order(examples: Sequence[Example], name: str) -> NDArray[np.int64]:
    """The labels of one task, `NO_LABEL` where there is none; of `entity` one an entity."""
    if name == "entity":
        return np.asarray([label for e in examples for _, label in e.entities], dtype=np.int64)
    return np.asarray([getattr(example, name) for example in examples], dtype=np.int64)


def scores_by_source(outputs: Outputs, examples: Sequence[Example]) -> Mapping[str, Scores]:
    """Scores by `source.task`, for every task that a source labels with more than one class."""
    return dict(_scores(outputs, examples))


def _scores(outputs: Outputs, examples: Sequence[Example]) -> Iterator[tuple[str, Scores]]:
    sources = np.asarray([example.source for example in examples])
    owners = np.repeat(np.arange(len(examples)), [len(example.entities) for example in examples])
    for task in TASKS:
        labels = labels_in_order(examples, task)
        of_row = sources[owners] if task == "entity" else sources
        for source in np.unique(sources):
            rows = (of_row == source) & (labels != NO_LABEL)
            if len(np.unique(labels[rows])) > 1:
                yield f"{source}.{task}", score(np.asarray(softmax(outputs.of(task)[rows], axis=1)), labels[rows])


def selection_score(scores: Mapping[str, Scores], select: Sequence[str] = ()) -> float:
    """Mean over the sources and tasks of accuracy and macro-F1; of the sources `select`, where any are named.

    A source counts by the root of its rows, as its scores are sure: fifty rows must not outvote a thousand.
    """
    chosen = [s for name, s in scores.items() if not select or name.partition(".")[0] in select]
    chosen = chosen or list(scores.values())
    values = [(s.accuracy + s.macro_f1) / 2 for s in chosen]
    return float(np.average(values, weights=[s.rows**0.5 for s in chosen]))
