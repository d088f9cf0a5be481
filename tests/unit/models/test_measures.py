"""Measures are those of the textbook and of scikit-learn; intervals cover what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from models.evaluation.intervals import estimates, resampled
from models.evaluation.measures import (
    BINS,
    Answered,
    answered,
    averages,
    bins_of,
    confusion_of,
    overall,
    per_class,
    score,
    sums,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.6, 0.3, 0.1],
        [0.2, 0.7, 0.1],  # wrong
        [0.1, 0.8, 0.1],
        [0.5, 0.4, 0.1],  # wrong
        [0.1, 0.2, 0.7],
    ]
)


def drawn(rows: int, classes: int, *, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels that agree more often than by chance."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[labels]
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True), labels


def test_the_four_numbers_are_those_computed_by_hand() -> None:
    """Six rows, two of them wrong; each number can be checked on paper."""
    found = score(PROBABILITIES, LABELS)
    assert found.rows == 6
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.macro_f1 == pytest.approx((4 / 6 + 2 / 4 + 1) / 3)
    # Bins of 1/15: 0.8 twice (right, right), 0.6 right and 0.5 wrong and 0.7 twice (wrong, right).
    by_hand = (abs(1.6 - 2) + abs(0.6 - 1) + abs(0.5 - 0) + abs(1.4 - 1)) / 6
    assert found.calibration_error == pytest.approx(by_hand)
    brier = (0.06 + 0.26 + (0.64 + 0.49 + 0.01) + 0.06 + (0.25 + 0.36 + 0.01) + 0.14) / 6
    assert found.brier == pytest.approx(brier)


def test_classes_and_averages_are_those_of_scikit_learn() -> None:
    """Others compute these numbers with scikit-learn; ours must be comparable, for rare and missing classes too."""
    probabilities, labels = drawn(400, 6)
    labels[labels == 4] = 3  # a class that is answered and never true
    found = answered(probabilities, labels)
    confusion = confusion_of(np.asarray(sums(found).sum(axis=0)), classes=6)
    assert (confusion == confusion_matrix(labels, found.predicted, labels=range(6))).all()
    theirs = precision_recall_fscore_support(labels, found.predicted, labels=range(6), zero_division=0)
    for ours, reference in zip(("precision", "recall", "f1", "support"), theirs, strict=True):
        assert per_class(confusion)[ours] == pytest.approx(reference), ours
    for average in ("micro", "macro", "weighted"):
        reference = precision_recall_fscore_support(labels, found.predicted, average=average, zero_division=0)
        for part, value in zip(("precision", "recall", "f1"), reference[:3], strict=True):
            assert averages(confusion)[f"{average}_{part}"] == pytest.approx(value), (average, part)


def test_the_bins_hold_every_row_once() -> None:
    """The reliability curve and the calibration error come from the same bins; certainty 1 belongs to the last."""
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5], [0.52, 0.48]])
    bins = bins_of(np.asarray(sums(answered(probabilities, np.array([0, 1, 0]))).sum(axis=0)), classes=2)
    assert bins.shape == (BINS, 3)
    assert bins[-1].tolist() == [1, 1.0, 1]
    assert bins[7].tolist() == [2, pytest.approx(1.02), 1]


def test_answers_without_probabilities_have_no_calibration() -> None:
    """A word list is not sure of anything; a number would be invented."""
    found = Answered(labels=LABELS, predicted=np.array([0, 0, 0, 1, 1, 2]), classes=3)
    measures = overall(np.asarray(sums(found).sum(axis=0)), classes=3)
    assert measures["accuracy"] == 1
    assert "ece" not in measures


def test_resamples_are_rows_drawn_with_replacement() -> None:
    """The vectorised way must be the plain one: each total is the sum over as many rows as there are."""
    found = answered(*drawn(50, 3))
    totals = resampled(sums(found), resamples=200, seed=1)
    confusions = confusion_of(totals, classes=3)
    assert (confusions.sum(axis=(1, 2)) == 50).all()
    plain = np.asarray(sums(found).sum(axis=0))
    assert totals.mean(axis=0) == pytest.approx(plain, abs=1.5)
    assert np.unique(confusions[:, 0, 0]).size > 5
    assert (totals == resampled(sums(found), resamples=200, seed=1)).all()


def test_rows_of_a_group_are_drawn_together() -> None:
    """Entities of one headline are not independent: apart, they would make the interval too narrow."""
    labels = np.repeat([0, 1], 100)
    predicted = labels.copy()
    predicted[:40] = 1
    found = Answered(labels=labels, predicted=predicted, classes=2)
    groups = np.repeat(np.arange(20), 10)
    apart, together = (
        estimates(sums(found), lambda totals: overall(totals, classes=2), groups=given)["accuracy"]
        for given in (None, groups)
    )
    assert apart.value == together.value == pytest.approx(0.8)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """An interval of 95 % that held 80 % of the time would lend certainty that is not there."""
    truth, covered, random = 0.8, 0, np.random.default_rng(11)
    for seed in range(200):
        labels = np.ones(300, dtype=np.int64)
        predicted = (random.random(300) < truth).astype(np.int64)
        found = Answered(labels=labels, predicted=predicted, classes=2)
        span = estimates(sums(found), lambda totals: overall(totals, classes=2), resamples=300, seed=seed)["accuracy"]
        covered += span.low <= truth <= span.high
    assert 0.90 <= covered / 200 <= 0.99
