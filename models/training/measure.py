"""Measure an adapter as it will be used: merged, packed, in fp32 and in bf16, on the validation files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.backend import Answers
from models.batching import plan
from models.engine import TorchEngine, read_packed
from models.tokens import read_tokenizer
from models.training.data import NO_LABEL, Corpus, Example
from models.training.scores import Scores, score

Array = NDArray[np.float64]
CPU = torch.device("cpu")


def measure(folders: tuple[Path, Path], corpus: Corpus, *, max_tokens: int) -> dict[str, float]:
    """Scores of the encoder and the adapter in `folders`, merged, in fp32 and bf16, and how far the two agree."""
    examples = (*corpus.tweets_valid, *corpus.topics_valid)
    tokenizer = read_tokenizer(folders[0], max_tokens=max_tokens)
    exact, short = (
        answers_of(TorchEngine(read_packed(*folders, dtype), tokenizer, device=CPU, dtype=dtype), examples)
        for dtype in (torch.float32, torch.bfloat16)
    )
    metrics: dict[str, float] = {}
    for name, found in (("fp32", exact), ("bf16", short)):
        metrics.update(_flat(f"tweets_valid.{name}", score_of(found[1], [e.sentiment for e in examples])))
        metrics.update(_flat(f"topic_valid.{name}", score_of(found[0], [e.topic for e in examples])))
    for head, at in (("topic", 0), ("sentiment", 1)):
        same = exact[at].argmax(axis=1) == short[at].argmax(axis=1)
        metrics[f"bf16_agrees.{head}"] = round(float(same.mean()), 4)
    return metrics


def answers_of(engine: TorchEngine, examples: Sequence[Example]) -> tuple[Array, Array]:
    """Probabilities of topic and sentiment of every example, in order."""
    rows = engine.tokenise([example.text for example in examples])
    lengths = [len(row) for row in rows]
    parts: list[Answers] = []
    order: list[int] = []
    for batch in plan(lengths, budget=engine.default_budget):
        parts.append(engine.run([rows[index] for index in batch]))
        order.extend(batch)
    back = np.argsort(np.asarray(order))
    topics = np.concatenate([part.topics for part in parts])[back].astype(np.float64)
    sentiments = np.concatenate([part.sentiments for part in parts])[back].astype(np.float64)
    return topics, sentiments


def score_of(probabilities: Array, labels: Sequence[int]) -> Scores:
    """Scores over the rows that carry the label."""
    wanted = np.asarray(labels, dtype=np.int64)
    rows = wanted != NO_LABEL
    return score(probabilities[rows], wanted[rows])


def _flat(prefix: str, scores: Scores) -> dict[str, float]:
    values = {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "ece": scores.calibration_error}
    return {f"{prefix}.{name}": round(value, 4) for name, value in values.items()}
