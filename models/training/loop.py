"""The training loop: examples in, the best state of the network out.

Each epoch the rows are shuffled and cut into batches of similar length (within spans of fifty batches), so that little
is padding. Rows of both tasks share a batch; each head learns from the rows that carry its label.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import get_linear_schedule_with_warmup

from models.architecture import TwoHeads
from models.hardware import has_bf16
from models.training.config import TrainingConfig
from models.training.data import NO_LABEL, Example
from models.training.scores import Scores, score, softmax

SPAN = 50  #: Batches over which rows are sorted by length.
PAD_ID = 0  #: Of every BERT vocabulary; masked anyway.
CLIP = 1.0  #: Largest norm of the gradient.

Event = Callable[[str, Mapping[str, object]], None]
Ids = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Examples with their token ids."""

    examples: Sequence[Example]
    ids: Ids


class Trainer:
    """One run over one network."""

    def __init__(self, model: TwoHeads, config: TrainingConfig, *, device: torch.device) -> None:
        self._model = model.to(device)
        self._config = config
        self._device = device

    def fit(self, train: Encoded, dev: Encoded, *, tell: Event) -> int:
        """Train, keep the state of the best epoch by the development score, return its number."""
        steps = self._config.epochs * -(-len(train.ids) // self._config.batch_size)
        optimizer = self._optimizer()
        schedule = get_linear_schedule_with_warmup(  # type: ignore[no-untyped-call]  # it has no types
            optimizer, int(steps * self._config.warmup), steps
        )
        losses = self._losses(train.examples)
        best, best_epoch, kept = -1.0, 0, {}
        for epoch in range(1, self._config.epochs + 1):
            self._epoch(epoch, train, (optimizer, schedule, losses), tell)
            scores = self.evaluate(dev)
            value = selection_score(scores)
            tell("epoch_finished", {"epoch": epoch, "score": value, **{k: asdict(v) for k, v in scores.items()}})
            if value > best:
                best, best_epoch, kept = value, epoch, self._trainable_state()
            elif epoch - best_epoch >= self._config.patience:
                break
        self._model.load_state_dict(kept, strict=False)
        return best_epoch

    def logits(self, encoded: Encoded) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logits of both heads for every row, in order."""
        order = sorted(range(len(encoded.ids)), key=lambda i: len(encoded.ids[i]))
        topics: list[Tensor] = []
        sentiments: list[Tensor] = []
        self._model.eval()
        with torch.inference_mode(), self._autocast():
            for start in range(0, len(order), 64):
                rows = [encoded.ids[i] for i in order[start : start + 64]]
                topic, sentiment = self._model(*self._pad(rows))
                topics.append(topic.float().cpu())
                sentiments.append(sentiment.float().cpu())
        back = np.argsort(np.asarray(order))
        return (
            torch.cat(topics).numpy()[back].astype(np.float64),
            torch.cat(sentiments).numpy()[back].astype(np.float64),
        )

    def evaluate(self, encoded: Encoded) -> dict[str, Scores]:
        """Scores by source, for the head that the source labels."""
        topic, sentiment = self.logits(encoded)
        result = {}
        for source in sorted({example.source for example in encoded.examples}):
            rows = np.asarray([i for i, example in enumerate(encoded.examples) if example.source == source])
            picked = [encoded.examples[i] for i in rows]
            is_topic = picked[0].topic != NO_LABEL
            labels = np.asarray([e.topic if is_topic else e.sentiment for e in picked], dtype=np.int64)
            result[source] = score(softmax((topic if is_topic else sentiment)[rows]), labels)
        return result

    def _epoch(
        self,
        epoch: int,
        train: Encoded,
        parts: tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR, tuple[nn.Module, nn.Module]],
        tell: Event,
    ) -> None:
        optimizer, schedule, losses = parts
        batches = list(similar_batches(train.ids, self._config.batch_size, seed=self._config.seed + epoch))
        self._model.train()
        for number, rows in enumerate(batches, start=1):
            loss = self._loss([train.examples[i] for i in rows], [train.ids[i] for i in rows], losses)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_((p for p in self._model.parameters() if p.requires_grad), CLIP)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            tell("step_finished", {"epoch": epoch, "step": number, "steps": len(batches), "loss": float(loss.detach())})

    def _loss(self, examples: Sequence[Example], ids: Ids, losses: tuple[nn.Module, nn.Module]) -> Tensor:
        with self._autocast():
            topic, sentiment = self._model(*self._pad(ids))
        total = torch.zeros((), device=self._device)
        answers = (
            (topic.float(), [e.topic for e in examples], losses[0]),
            (sentiment.float(), [e.sentiment for e in examples], losses[1]),
        )
        for logits, labels, loss in answers:
            share = sum(label != NO_LABEL for label in labels) / len(labels)
            if share:
                total = total + share * loss(logits, torch.tensor(labels, device=self._device))
        return total

    def _optimizer(self) -> torch.optim.Optimizer:
        heads = [*self._model.topic.parameters(), *self._model.sentiment.parameters()]
        lora = [p for p in self._model.encoder.parameters() if p.requires_grad]
        groups = [
            {"params": lora, "lr": self._config.learning_rate},
            {"params": heads, "lr": self._config.head_learning_rate},
        ]
        return torch.optim.AdamW(groups, weight_decay=self._config.weight_decay)

    def _losses(self, examples: Sequence[Example]) -> tuple[nn.Module, nn.Module]:
        topics = [e.topic for e in examples if e.topic != NO_LABEL]
        sentiments = [e.sentiment for e in examples if e.sentiment != NO_LABEL]
        sizes = (self._model.topic.out_features, self._model.sentiment.out_features)
        losses = [
            nn.CrossEntropyLoss(
                weight=class_weights(labels, size, self._config.balance).to(self._device),
                ignore_index=NO_LABEL,
                label_smoothing=self._config.label_smoothing,
            )
            for labels, size in zip((topics, sentiments), sizes, strict=True)
        ]
        return losses[0], losses[1]

    def _pad(self, ids: Ids) -> tuple[Tensor, Tensor]:
        width = max(len(row) for row in ids)
        padded = torch.tensor([[*row, *[PAD_ID] * (width - len(row))] for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
        return padded.to(self._device), mask.to(self._device)

    def _autocast(self) -> AbstractContextManager[object]:
        kind = self._device.type
        return torch.autocast(kind, dtype=torch.bfloat16) if has_bf16(kind) else nullcontext()

    def _trainable_state(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self._model.named_parameters() if p.requires_grad}


def similar_batches(ids: Ids, size: int, *, seed: int) -> Iterator[list[int]]:
    """Row numbers in batches of similar length, in random order."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    order = list(range(len(ids)))
    chance.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * SPAN):
        span = sorted(order[start : start + size * SPAN], key=lambda i: len(ids[i]))
        batches.extend(span[at : at + size] for at in range(0, len(span), size))
    chance.shuffle(batches)
    yield from batches


def class_weights(labels: Sequence[int], size: int, balance: float) -> Tensor:
    """Weight of each class, frequency ** -balance, with mean 1 over the rows; a class without rows weighs 1."""
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=size).astype(np.float64)
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -balance, 0.0)
    scale = counts.sum() / max((weights * counts).sum(), 1e-12)
    return torch.tensor(np.where(counts > 0, weights * scale, 1.0), dtype=torch.float32)


def selection_score(scores: Mapping[str, Scores]) -> float:
    """Mean over the sources of accuracy and macro-F1: what an epoch is chosen by."""
    return float(np.mean([(s.accuracy + s.macro_f1) / 2 for s in scores.values()]))
