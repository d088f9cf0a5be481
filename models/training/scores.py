"""Scores of predictions against labels: pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15  #: Of the calibration error.


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How good one head is on one set."""

    rows: int
    accuracy: float
    macro_f1: float  #: Mean over the classes that occur among labels or predictions.
    calibration_error: float  #: Expected calibration error, 15 equal bins.


def score(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Scores:
    """Score `probabilities` (rows x classes) against `labels`."""
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    return Scores(
        rows=len(labels),
        accuracy=float(right.mean()),
        macro_f1=_macro_f1(predicted, labels),
        calibration_error=_calibration_error(probabilities.max(axis=1), right),
    )


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of logits to rows of probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def fit_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The divisor of the logits that makes the labels most likely; a grid is exact enough for one number."""
    grid = np.exp(np.linspace(np.log(0.5), np.log(3.0), 120))
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits / t)[rows, labels] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def _macro_f1(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    scores = []
    for label in np.union1d(predicted, labels):
        both = np.sum((predicted == label) & (labels == label))
        scores.append(2 * both / (np.sum(predicted == label) + np.sum(labels == label)))
    return float(np.mean(scores))


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(confidence[bins == b].mean() - right[bins == b].mean()) * np.mean(bins == b) for b in np.unique(bins)]
    return float(np.sum(gaps))
