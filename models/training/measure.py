"""Measure an adapter as it will be used: merged, packed, in fp32 and in bf16, on the test sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.engine import TorchEngine, read_packed
from models.evaluation.measures import Scores, score
from models.judging import Judged, answers_of
from models.tokens import read_tokenizer
from models.training.progress import labels_in_order
from models.training.rows import NO_LABEL, Example

Array = NDArray[np.float64]
CPU = torch.device("cpu")
HEADS: Mapping[str, str] = {"topic": "topics", "sentiment": "sentiments", "entity": "entities"}


def measure(folders: tuple[Path, Path], tests: Mapping[str, Sequence[Example]], *, max_tokens: int) -> dict[str, float]:
    """Scores of the encoder and the adapter in `folders`, merged, in fp32 and bf16, and how far the two agree."""
    tokenizer = read_tokenizer(folders[0], max_tokens=max_tokens)
    metrics: dict[str, float] = {}
    agreed: dict[str, list[NDArray[np.bool_]]] = {head: [] for head in HEADS}
    exact, short = (
        TorchEngine(read_packed(*folders, dtype), tokenizer, device=CPU, dtype=dtype)
        for dtype in (torch.float32, torch.bfloat16)
    )
    for name, examples in tests.items():
        found = {"fp32": answers_of(exact, examples), "bf16": answers_of(short, examples)}
        for precision, judged in found.items():
            metrics.update(_metrics(f"{name}.{precision}", judged, examples))
        for head, part in HEADS.items():
            tops = [getattr(judged, part).argmax(axis=1) for judged in found.values()]
            agreed[head].append(tops[0] == tops[1])
    for head, same in agreed.items():
        metrics[f"bf16_agrees.{head}"] = round(float(np.concatenate(same).mean()), 4)
    return metrics


def _metrics(prefix: str, judged: Judged, examples: Sequence[Example]) -> dict[str, float]:
    values: dict[str, float] = {}
    for head, part in HEADS.items():
        labels = labels_in_order(examples, head)
        rows = labels != NO_LABEL
        if len(np.unique(labels[rows])) > 1:
            values.update(_flat(f"{prefix}.{head}", score(getattr(judged, part)[rows], labels[rows])))
    opposed = np.asarray(list(_opposed(examples)), dtype=bool)
    if opposed.any():
        right = judged.entities[opposed].argmax(axis=1) == labels_in_order(examples, "entity")[opposed]
        values[f"{prefix}.opposed.accuracy"] = round(float(right.mean()), 4)
    return values


def _opposed(examples: Sequence[Example]) -> Iterator[bool]:
    """For each entity, whether its text carries different sentiments."""
    for example in examples:
        differ = len({sentiment for _, sentiment in example.entities}) > 1
        yield from [differ] * len(example.entities)


def _flat(prefix: str, scores: Scores) -> dict[str, float]:
    values = {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "ece": scores.calibration_error}
    return {f"{prefix}.{name}": round(value, 4) for name, value in values.items()}
