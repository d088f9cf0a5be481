"""Make probabilities mean what they say: numpy and scipy alone.

In: logits (or log-probabilities, which differ by a constant a row and give the same) and true labels of rows that did
not train. Out: a scale and a bias a class, which fold into the rows of a linear head. Temperature and vector scaling
are those of Guo et al., On calibration of modern neural networks (ICML 2017); logits are centred first, so that a
vector's scales mean the same whatever constant a row carries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from monitor.errors import ConfigurationError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

FOLDS = 5
MIN_ROWS = 20  #: Fewer say nothing about a probability.
MIN_CLASSES = 2
SEED = 13
SLIGHT = 1e-4  #: Nats a row; a scaling with more numbers must be better by more.
SMALLEST = 1e-30  #: Probability; below it a logarithm would only carry rounding.

_SCALES = (0.05, 20.0)  #: No class may be turned round or blown up.
_BIASES = (-10.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """`scale * centred logits + bias`, class by class."""

    method: str  #: none, temperature or vector.
    scale: tuple[float, ...]
    bias: tuple[float, ...]

    def apply(self, logits: Array) -> Array:
        """Log-probabilities after the scaling."""
        if self.method == "none":
            return np.asarray(log_softmax(logits, axis=1))
        return np.asarray(log_softmax(np.asarray(self.scale) * centred(logits) + np.asarray(self.bias), axis=1))

    def fold(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """`weight` (classes x width) and `bias` of a linear head, changed so that its logits are the scaled ones."""
        if self.method == "none":
            return weight, bias
        scale = np.asarray(self.scale)
        return scale[:, None] * (weight - weight.mean(axis=0)), scale * (bias - bias.mean()) + np.asarray(self.bias)


Fit = Callable[[Array, Labels], Scaling]


def fit(logits: Array, labels: Labels, *, seed: int = SEED) -> Scaling:
    """Of none, temperature and vector the scaling that cross-validation finds most likely, fitted on all rows."""
    classes = len(np.unique(labels))
    if len(labels) < MIN_ROWS or classes < MIN_CLASSES:
        raise ConfigurationError(
            f"calibration needs {MIN_ROWS} labelled rows of {MIN_CLASSES} classes at least, found {len(labels)} rows "
            f"of {classes}; label more rows"
        )
    found: Fit = fit_nothing
    best = math.inf
    for way in WAYS.values():
        loss = nll(held_out(way, logits, labels, seed=seed), labels)
        if loss < best - SLIGHT:
            found, best = way, loss
    return found(logits, labels)


def fit_nothing(logits: Array, labels: Labels) -> Scaling:
    """Leave the logits as they are."""
    del labels
    return _scaling("none", np.ones(logits.shape[1]), np.zeros(logits.shape[1]))


def fit_temperature(logits: Array, labels: Labels) -> Scaling:
    """One scale for all classes: the inverse of the temperature."""
    plain, classes = centred(logits), logits.shape[1]

    def loss(found: Array) -> tuple[float, Array]:
        value, slope = _loss(plain, labels, np.repeat(found, classes), np.zeros(classes))
        return value, slope[:classes].sum(keepdims=True)

    scale = _minimum(loss, np.ones(1), [_SCALES], rows=len(labels))
    return _scaling("temperature", np.repeat(scale, classes), np.zeros(classes))


def fit_vector(logits: Array, labels: Labels) -> Scaling:
    """A scale and a bias for each class."""
    plain, classes = centred(logits), logits.shape[1]

    def loss(found: Array) -> tuple[float, Array]:
        return _loss(plain, labels, found[:classes], found[classes:])

    start = np.concatenate([np.ones(classes), np.zeros(classes)])
    best = _minimum(loss, start, [_SCALES] * classes + [_BIASES] * classes, rows=len(labels))
    return _scaling("vector", best[:classes], best[classes:])


WAYS: Mapping[str, Fit] = {"none": fit_nothing, "temperature": fit_temperature, "vector": fit_vector}


def held_out(way: Fit, logits: Array, labels: Labels, *, seed: int = SEED) -> Array:
    """Log-probabilities of each row under the scaling that the other folds gave."""
    folds = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
    found = np.empty_like(logits, dtype=np.float64)
    for fold in range(FOLDS):
        held = folds == fold
        found[held] = way(logits[~held], labels[~held]).apply(logits[held])
    return found


def nll(log_probs: Array, labels: Labels) -> float:
    """Mean negative log-likelihood of `labels`, in nats."""
    return float(-log_probs[np.arange(len(labels)), labels].mean())


def log_probabilities(probabilities: Array) -> Array:
    """What `fit` takes, of rows of probabilities; a column of p(true) alone becomes two: p(false), p(true)."""
    if probabilities.ndim == 1:
        probabilities = np.column_stack([1 - probabilities, probabilities])
    return np.asarray(np.log(np.maximum(probabilities, SMALLEST)))


def centred(logits: Array) -> Array:
    """Logits whose mean over the classes is 0: the same probabilities, whatever constant each row carried."""
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def _loss(plain: Array, labels: Labels, scale: Array, bias: Array) -> tuple[float, Array]:
    """Mean NLL, and its slope in scale and bias."""
    log_probs = log_softmax(plain * scale + bias, axis=1)
    excess = np.exp(log_probs)
    excess[np.arange(len(labels)), labels] -= 1
    return nll(log_probs, labels), np.concatenate([(excess * plain).mean(axis=0), excess.mean(axis=0)])


def _minimum(
    loss: Callable[[Array], tuple[float, Array]], start: Array, bounds: Sequence[tuple[float, float]], *, rows: int
) -> Array:
    """Where `loss` is least, pulled towards `start` with the weight of one row, so that a rare class stays put."""

    def pulled(found: Array) -> tuple[float, Array]:
        value, slope = loss(found)
        away = found - start
        return value + float(away @ away) / (2 * rows), slope + away / rows

    return np.asarray(minimize(pulled, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _scaling(method: str, scale: Array, bias: Array) -> Scaling:
    return Scaling(method=method, scale=tuple(scale.tolist()), bias=tuple(bias.tolist()))
