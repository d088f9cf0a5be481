"""What the network is trained to make small: cross-entropy of each task over the rows that carry its label.

A task weighs in a batch by the share of its labels there, so that a batch with few labels of a task moves it little.
Where a teacher answered, its probabilities are imitated too (Hinton et al., Distilling the knowledge in a neural
network, 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architecture import Logits
from models.training.batches import Batch
from models.training.config import TrainingConfig
from models.training.rows import NO_LABEL, Example
from monitor.errors import ConfigurationError

TASKS: Mapping[str, int] = {"topic": 0, "sentiment": 3, "finance": 2, "entity": 3}  #: Classes; of topics as given.
MUST = ("sentiment", "entity")  #: A run that cannot learn these teaches nothing.


class Losses:
    """The loss of a batch."""

    def __init__(
        self, examples: Sequence[Example], config: TrainingConfig, *, topics: int, device: torch.device
    ) -> None:
        self._config = config
        self._device = device
        self._tasks = {
            name: nn.CrossEntropyLoss(
                weight=class_weights(labels_of(examples, name), size or topics, config.balance).to(device),
                ignore_index=NO_LABEL,
                label_smoothing=config.label_smoothing,
            )
            for name, size in TASKS.items()
        }

    def __call__(self, logits: Logits, batch: Batch) -> Tensor:
        """The sum over the tasks, and over what a teacher said."""
        total = torch.zeros((), device=self._device)
        for name, loss in self._tasks.items():
            labels = batch.labels(name)  # counted here: to ask a GPU is to wait for it
            share = min(1.0, int((labels != NO_LABEL).sum()) / len(batch.examples))
            if share:
                weight = self._config.finance_weight if name == "finance" else 1.0
                total = total + weight * share * loss(getattr(logits, name), labels.to(self._device))
        return total + self._config.teacher_weight * self._imitation(logits, batch)

    def _imitation(self, logits: Logits, batch: Batch) -> Tensor:
        total = torch.zeros((), device=self._device)
        taught = [row for row, example in enumerate(batch.examples) if example.teacher]
        if not taught:
            return total
        share = len(taught) / len(batch.examples)
        for name in ("topic", "sentiment"):
            wanted = torch.tensor([getattr(batch.examples[row].teacher, name) for row in taught], device=self._device)
            total = total + share * functional.cross_entropy(getattr(logits, name)[taught], wanted)
        entities = [
            (number, wanted) for number, wanted in enumerate(_entity_answers(batch.examples)) if wanted is not None
        ]
        if entities:
            rows = torch.tensor([number for number, _ in entities], device=self._device)
            wanted = torch.tensor([answer for _, answer in entities], device=self._device)
            total = total + share * functional.cross_entropy(logits.entity[rows], wanted)
        return total


def _entity_answers(examples: Sequence[Example]) -> list[tuple[float, ...] | None]:
    answers: list[tuple[float, ...] | None] = []
    for example in examples:
        answers.extend(example.teacher.entities if example.teacher else [None] * len(example.entities))
    return answers


def labels_of(examples: Sequence[Example], name: str) -> list[int]:
    """Every label of one task."""
    if name == "entity":
        return [label for e in examples for _, label in e.entities if label != NO_LABEL]
    return [label for e in examples if (label := getattr(e, name)) != NO_LABEL]


def refuse_one_class(examples: Sequence[Example]) -> None:
    """Raise `ConfigurationError` when a task that matters has fewer than two classes: nothing could be learnt."""
    for name in MUST:
        labels = labels_of(examples, name)
        if labels and len(set(labels)) == 1:
            raise ConfigurationError(
                f"training data: every {name} label is the same class ({labels[0]}); add rows of the other classes"
            )


def class_weights(labels: Sequence[int], size: int, balance: float) -> Tensor:
    """Weight of each class, frequency ** -balance, with mean 1 over the rows; a class without rows weighs 1."""
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=size).astype(np.float64)
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -balance, 0.0)
    scale = counts.sum() / max((weights * counts).sum(), 1e-12)
    return torch.tensor(np.where(counts > 0, weights * scale, 1.0), dtype=torch.float32)
