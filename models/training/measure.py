"""Measure an adapter as it will be used: merged, packed, in fp32 and in bf16, on the validation files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.architecture import TwoHeads
from models.backend import Answers
from models.batching import plan
from models.engine import TorchEngine
from models.training.data import NO_LABEL, Corpus, Example
from models.training.scores import Scores, score

Array = NDArray[np.float64]


def measure(network: TwoHeads, tokenizer: Tokenizer, corpus: Corpus) -> dict[str, float]:
    """Scores of the merged `network` in fp32, and how far bf16 agrees; changes `network` to bf16."""
    cpu = torch.device("cpu")
    examples = (*corpus.tweets_valid, *corpus.topics_valid)
    exact = answers_of(TorchEngine(network, tokenizer, device=cpu, dtype=torch.float32), examples)
    short = answers_of(TorchEngine(network, tokenizer, device=cpu, dtype=torch.bfloat16), examples)
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
