"""Calibration finds the distortion that was put in, and folds into a head without a trace."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from models.calibration import centred, fit, fit_temperature, fit_vector, held_out, log_probabilities, nll
from monitor.errors import ConfigurationError


def drawn(rows: int, *, classes: int = 3, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from exactly the probabilities that the logits mean."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2.0, size=(rows, classes))
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (random.random((rows, 1)) > cumulated).sum(axis=1)


def test_a_known_temperature_is_found() -> None:
    """Logits three times too large need a scale of a third."""
    logits, labels = drawn(20_000)
    found = fit(3 * logits, labels)
    assert found.method == "temperature"
    assert found.scale == pytest.approx((1 / 3,) * 3, rel=0.03)
    assert found.bias == (0.0, 0.0, 0.0)


def test_a_known_vector_is_found() -> None:
    """Each class has a distortion of its own; the fit finds what undoes it."""
    scale, bias = np.array([0.5, 1.0, 2.0]), np.array([0.7, 0.0, -0.7])
    random = np.random.default_rng(3)
    logits = random.normal(scale=2.0, size=(20_000, 3))
    truth = softmax(scale * centred(logits) + bias, axis=1)
    labels = (random.random((len(logits), 1)) > truth.cumsum(axis=1)).sum(axis=1)
    found = fit(logits + random.normal(size=(len(logits), 1)), labels)
    assert found.method == "vector"
    assert found.scale == pytest.approx(scale, rel=0.06)
    assert np.array(found.bias) - np.mean(found.bias) == pytest.approx(bias, abs=0.06)
    assert np.exp(found.apply(logits)) == pytest.approx(truth, abs=0.02)


def test_a_calibrated_model_is_left_alone() -> None:
    """More numbers than the data ask for would fit noise."""
    logits, labels = drawn(2_000)
    assert fit(logits, labels).method == "none"


def test_the_choice_is_by_rows_that_the_fit_did_not_see() -> None:
    """On few rows of many classes the vector fits best and serves worst."""
    logits, labels = drawn(60, classes=20)
    inside = {way: nll(way(2 * logits, labels).apply(2 * logits), labels) for way in (fit_temperature, fit_vector)}
    assert inside[fit_vector] < inside[fit_temperature]
    outside = {way: nll(held_out(way, 2 * logits, labels), labels) for way in (fit_temperature, fit_vector)}
    assert outside[fit_vector] > outside[fit_temperature]
    assert fit(2 * logits, labels).method == "temperature"


def test_a_rare_class_stays_near_where_it_was() -> None:
    """One row of a class must not send its bias to the horizon."""
    logits, labels = drawn(200)
    labels[labels == 2] = 1
    found = fit_vector(logits, labels)
    assert all(abs(bias) < 6 for bias in found.bias)
    assert all(0.05 <= scale <= 20 for scale in found.scale)


@pytest.mark.parametrize("way", [fit_temperature, fit_vector])
def test_a_folded_head_answers_as_the_scaling_does(way: object) -> None:
    """The shipped head carries the calibration: serving needs no further step."""
    random = np.random.default_rng(2)
    hidden, weight, bias = random.normal(size=(300, 8)), random.normal(size=(3, 8)), random.normal(size=3)
    logits = hidden @ weight.T + bias
    labels = random.integers(0, 3, 300)
    scaling = way(logits, labels)  # type: ignore[operator]
    folded_weight, folded_bias = scaling.fold(weight, bias)
    folded = log_softmax(hidden @ folded_weight.T + folded_bias, axis=1)
    assert folded == pytest.approx(scaling.apply(logits))
    assert scaling.apply(log_probabilities(softmax(logits, axis=1))) == pytest.approx(scaling.apply(logits))


def test_one_column_is_two_classes() -> None:
    """The finance head tells p(finance) alone."""
    assert np.exp(log_probabilities(np.array([0.25, 1.0]))) == pytest.approx(np.array([[0.75, 0.25], [0.0, 1.0]]))


def test_too_few_rows_or_classes_are_refused() -> None:
    """A temperature from five rows, or from one class, is a guess."""
    logits, labels = drawn(50)
    with pytest.raises(ConfigurationError, match="found 5 rows"):
        fit(logits[:5], labels[:5])
    with pytest.raises(ConfigurationError, match="50 rows of 1"):
        fit(logits, np.zeros(50, dtype=np.int64))
