"""A threshold keeps the risk that it states on rows that it never saw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from models.abstention import finance_threshold, risk_coverage, threshold_for, upper_bound


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences in [0.34, 1] and answers that are right as often as they say."""
    random = np.random.default_rng(seed)
    confidences = 0.34 + 0.66 * random.beta(3, 1, rows)
    return confidences, random.random(rows) < confidences


def test_the_curve_is_the_one_drawn_by_hand() -> None:
    """Rows of one confidence are answered together."""
    curve = risk_coverage(np.array([0.9, 0.5, 0.7, 0.7]), np.array([True, False, True, False]))
    assert curve.confidence.tolist() == [0.9, 0.7, 0.5]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx(0.5 * 1 / 3 + 0.25 / 2)
    assert curve.risk_at(0.5) == pytest.approx(1 / 3)
    assert curve.risk_at(1.0) == pytest.approx(0.5)


def test_the_bound_is_the_exact_one() -> None:
    """Clopper and Pearson, as scipy has it."""
    theirs = binomtest(7, 150).proportion_ci(0.9, method="exact").high  # two-sided 90 %: one-sided 95 %
    assert upper_bound(7, 150, error=0.05) == pytest.approx(theirs)
    assert upper_bound(5, 5, error=0.05) == 1


def test_the_stated_risk_holds_on_fresh_rows() -> None:
    """In at most one of twenty draws may the true risk above the threshold be more than stated."""
    risk, broken, answered = 0.10, 0, []
    fresh = drawn(400_000, 999)
    for seed in range(200):
        found = threshold_for(*drawn(1500, seed), risk)
        if found is None:
            continue
        kept = fresh[0] >= found.confidence
        answered.append(kept.mean())
        broken += (~fresh[1][kept]).mean() > risk
    assert len(answered) > 190
    assert broken <= 10
    assert np.mean(answered) > 0.3  # a threshold that answers nothing keeps every promise


def test_a_threshold_answers_as_much_as_the_risk_allows() -> None:
    """More rows give a tighter bound, and so more answers."""
    few, many = (threshold_for(*drawn(rows, 4), 0.10) for rows in (1_000, 100_000))
    assert few is not None
    assert many is not None
    assert few.coverage < many.coverage
    assert few.risk <= few.bound <= 0.10
    exact = risk_coverage(*drawn(100_000, 4))
    assert many.coverage > 0.9 * exact.coverage[exact.risk <= 0.10].max()


def test_a_model_that_is_good_enough_answers_everything() -> None:
    """No threshold where none is needed."""
    confidences, _ = drawn(1000, 1)
    found = threshold_for(confidences, np.ones(1000, dtype=bool), 0.05)
    assert found is not None
    assert (found.confidence, found.coverage, found.risk) == (0.0, 1.0, 0.0)


def test_no_threshold_is_invented_where_none_keeps_the_risk() -> None:
    """Ten rows cannot prove 5 %, nor can a model that is wrong when it is sure."""
    assert threshold_for(*drawn(10, 1), 0.05) is None
    random = np.random.default_rng(1)
    assert threshold_for(random.random(2000), random.random(2000) < 0.5, 0.05) is None


def test_the_finance_threshold_keeps_what_it_must() -> None:
    """Off-topic documents are not scored: few that belong may be lost."""
    probabilities = np.random.default_rng(1).beta(8, 1, 1000)
    threshold = finance_threshold(probabilities)
    assert (probabilities >= threshold).mean() == pytest.approx(0.99)
    assert finance_threshold(probabilities[:50]) == probabilities[:50].min()
    with pytest.raises(ValueError, match="no row"):
        finance_threshold(np.empty(0))
