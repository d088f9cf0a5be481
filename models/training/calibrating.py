"""The end of a run: fold the calibration into the heads, choose the thresholds, note what drift is measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from models.abstention import finance_threshold, threshold_for
from models.architecture import Network
from models.calibration import MIN_ROWS, Scaling, fit
from models.manifest import Calibration, Reference
from models.training.progress import TASKS, Outputs, labels_in_order
from models.training.rows import NO_LABEL, Example
from monitor.domain import Sentiment

Array = NDArray[np.float64]


def calibrate(network: Network, outputs: Outputs, dev: Sequence[Example]) -> Mapping[str, Scaling]:
    """Fit a scaling a head on the development rows and fold it into `network`; returns what was folded."""
    found = {}
    for task in TASKS:
        labels = labels_in_order(dev, task)
        rows = labels != NO_LABEL
        if rows.sum() < MIN_ROWS or len(np.unique(labels[rows])) < 2:  # noqa: PLR2004 - one class tells nothing
            continue
        found[task] = fit(outputs.of(task)[rows], labels[rows])
        _fold(network, task, found[task])
    return found


def thresholds(
    outputs: Outputs, scalings: Mapping[str, Scaling], dev: Sequence[Example], *, risk: float
) -> Calibration:
    """The threshold of confidence that keeps `risk`, and that of being about finance."""
    scaled = {task: _probabilities(outputs, scalings, task) for task in TASKS}
    confidences, right = _answers(scaled, dev)
    chosen = threshold_for(confidences, right, risk) if len(confidences) else None
    labels = labels_in_order(dev, "finance")
    both = len(np.unique(labels[labels != NO_LABEL])) == 2  # noqa: PLR2004 - finance and not
    plain = {"coverage": 1.0, "risk": float(1 - right.mean()) if len(right) else 1.0, "confidence": 0.0}
    values = plain if chosen is None else {name: getattr(chosen, name) for name in plain}
    return Calibration(
        method="; ".join(f"{task}: {scaling.method}" for task, scaling in scalings.items()) or "none",
        finance=round(min(finance_threshold(scaled["finance"][labels == 1, 1]), 0.5), 6) if both else 0.0,
        **{name: round(value, 6) for name, value in values.items()},
    )


def reference(
    outputs: Outputs, scalings: Mapping[str, Scaling], topics: Sequence[str], *, unknown_tokens: float
) -> Reference:
    """What the model answers on the development rows."""
    sentiments = _probabilities(outputs, scalings, "sentiment")
    tops = _probabilities(outputs, scalings, "topic").argmax(axis=1)
    return Reference(
        rows=len(sentiments),
        sentiments=_shares(sentiments.argmax(axis=1), [sentiment.value for sentiment in Sentiment]),
        topics=_shares(tops, topics),
        confidence=round(float(sentiments.max(axis=1).mean()), 4),
        unknown_tokens=round(unknown_tokens, 6),
    )


def _answers(scaled: Mapping[str, Array], dev: Sequence[Example]) -> tuple[Array, NDArray[np.bool_]]:
    """Confidence, and whether right, of every sentiment that the development rows know: of texts and of entities."""
    confidences, right = [], []
    for task in ("sentiment", "entity"):
        labels = labels_in_order(dev, task)
        rows = labels != NO_LABEL
        confidences.append(scaled[task][rows].max(axis=1))
        right.append(scaled[task][rows].argmax(axis=1) == labels[rows])
    return np.concatenate(confidences), np.concatenate(right)


def _probabilities(outputs: Outputs, scalings: Mapping[str, Scaling], task: str) -> Array:
    if task in scalings:
        return np.asarray(np.exp(scalings[task].apply(outputs.of(task))))
    return np.asarray(softmax(outputs.of(task), axis=1))


def _fold(network: Network, task: str, scaling: Scaling) -> None:
    head: nn.Linear = getattr(network, task)
    weight, bias = scaling.fold(head.weight.detach().double().numpy(), head.bias.detach().double().numpy())
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def _shares(tops: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    counts = np.bincount(tops, minlength=len(names)) / max(len(tops), 1)
    return {name: round(float(share), 4) for name, share in zip(names, counts, strict=True)}
