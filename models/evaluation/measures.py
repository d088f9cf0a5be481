"""Measures of answers against labels: pure numpy.

Everything is computed from sums over rows (how often which label got which answer; per bin of confidence how many rows,
how sure, how often right; the Brier score), so that one pass over any leading dimensions serves the rows at hand and
all resamples of them alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

BINS = 15  #: Of the calibration error.
PER_BIN = 3  #: Rows, sum of confidence, sum of right.
AVERAGES = ("micro", "macro", "weighted")
PARTS = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Answers beside labels."""

    labels: Labels
    predicted: Labels
    classes: int
    probabilities: Array | None = None  #: Rows x classes; a word list has none.


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How good one head is on one set, in four numbers."""

    rows: int
    accuracy: float
    macro_f1: float  #: Mean over the classes that occur among labels or predictions.
    calibration_error: float  #: Expected calibration error, 15 equal bins.
    brier: float  #: Mean over the rows of the squared errors summed over the classes, in [0, 2].


def answered(probabilities: Array, labels: Labels) -> Answered:
    """The most probable class of each row as the answer."""
    return Answered(
        labels=labels,
        predicted=probabilities.argmax(axis=1).astype(np.int64),
        classes=probabilities.shape[1],
        probabilities=probabilities,
    )


def score(probabilities: Array, labels: Labels) -> Scores:
    """Score `probabilities` (rows x classes) against `labels`."""
    found = answered(probabilities, labels)
    values = overall(np.asarray(sums(found).sum(axis=0)), classes=found.classes)
    return Scores(
        rows=len(labels),
        accuracy=float(values["accuracy"]),
        macro_f1=float(values["macro_f1"]),
        calibration_error=float(values["ece"]),
        brier=float(values["brier"]),
    )


def sums(found: Answered) -> csr_array:
    """One row a row of `found`: what it adds to the sums that every measure is computed from."""
    cells = [found.labels * found.classes + found.predicted]
    values = [np.ones(len(found.labels))]
    width = found.classes**2
    if found.probabilities is not None:
        bins, confidence, right, brier = _calibration(found, found.probabilities)
        last = width + PER_BIN * BINS
        cells += [*(width + PER_BIN * bins + part for part in range(PER_BIN)), np.full_like(bins, last)]
        values += [np.ones(len(bins)), confidence, right, brier]
        width = last + 1
    starts = np.arange(len(found.labels) + 1) * len(cells)
    parts = (np.stack(values, axis=1).ravel(), np.stack(cells, axis=1).ravel(), starts)
    return csr_array(parts, shape=(len(found.labels), width))


def _calibration(found: Answered, probabilities: Array) -> tuple[Labels, Array, Array, Array]:
    confidence = probabilities[np.arange(len(probabilities)), found.predicted]
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    errors = probabilities - np.eye(found.classes)[found.labels]
    return bins, confidence, (found.predicted == found.labels).astype(float), (errors**2).sum(axis=1)


def confusion_of(totals: Array, *, classes: int) -> Array:
    """Counts, label by answer, in the last two dimensions."""
    return totals[..., : classes**2].reshape(*totals.shape[:-1], classes, classes)


def bins_of(totals: Array, *, classes: int) -> Array:
    """Per bin of confidence: rows, sum of confidence, sum of right."""
    return totals[..., classes**2 : classes**2 + PER_BIN * BINS].reshape(*totals.shape[:-1], BINS, PER_BIN)


def per_class(confusion: Array) -> Mapping[str, Array]:
    """Precision, recall, F1 and support of each class; a share of nothing is 0, as in scikit-learn."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return {
        "precision": _share(hits, predicted),
        "recall": _share(hits, support),
        "f1": _share(2 * hits, support + predicted),
        "support": support,
        "predicted": predicted,
    }


def averages(confusion: Array) -> Mapping[str, Array]:
    """`macro_f1`, `weighted_recall` and so on; macro is over the classes that occur among labels or answers."""
    of = per_class(confusion)
    occurs = (of["support"] + of["predicted"]) > 0
    rows = of["support"].sum(axis=-1)
    right = _share(np.diagonal(confusion, axis1=-2, axis2=-1).sum(axis=-1), rows)
    found = {f"micro_{part}": right for part in PARTS}
    found |= {f"macro_{part}": _share((of[part] * occurs).sum(axis=-1), occurs.sum(axis=-1)) for part in PARTS}
    return found | {f"weighted_{part}": _share((of[part] * of["support"]).sum(axis=-1), rows) for part in PARTS}


def overall(totals: Array, *, classes: int) -> dict[str, Array]:
    """Accuracy, the averages, and, where the sums tell, the calibration error and the Brier score."""
    confusion = confusion_of(totals, classes=classes)
    means = averages(confusion)
    found = {"accuracy": means["micro_f1"], **means}
    if totals.shape[-1] > classes**2:
        rows = confusion.sum(axis=(-2, -1))
        bins = bins_of(totals, classes=classes)
        found["ece"] = _share(np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1), rows)
        found["brier"] = _share(totals[..., -1], rows)
    return found


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)
