"""Drift: the latest answers against those on the development rows."""

from __future__ import annotations

import math

import pytest

from models.drift import DriftWindow, stability_index
from models.manifest import Reference
from monitor.domain import Prediction, Probabilities

REFERENCE = Reference(
    rows=1000,
    sentiments={"negative": 0.2, "neutral": 0.6, "positive": 0.2},
    topics={"Macro": 0.5, "Earnings": 0.5},
    confidence=0.8,
    unknown_tokens=0.01,
)


def prediction(sentiment: str, *, topic: str = "Macro", confidence: float = 0.8) -> Prediction:
    """An answer; what is left of the probability goes to the others."""
    rest = (1 - confidence) / 2
    parts = dict.fromkeys(("negative", "neutral", "positive"), rest) | {sentiment: confidence}
    return Prediction(topic=topic, topic_probability=0.9, probabilities=Probabilities(**parts), model="m")


def mixed(documents: int, *, negative: float = 0.2, confidence: float = 0.8) -> list[Prediction]:
    """So many answers, a share of them negative, the rest neutral and positive as 3 to 1; topics in turn."""
    bad = round(documents * negative)
    good = (documents - bad) // 4
    words = ["negative"] * bad + ["positive"] * good + ["neutral"] * (documents - bad - good)
    return [
        prediction(word, topic=("Macro", "Earnings")[at % 2], confidence=confidence) for at, word in enumerate(words)
    ]


def test_the_same_mix_is_no_drift() -> None:
    """Otherwise the alert would always fire."""
    window = DriftWindow(REFERENCE, size=1000)
    window.add(mixed(500), tokens=10_000, unknown=100)

    drift = window.drift()

    assert drift is not None
    assert drift.documents == 500
    assert drift.sentiment_mix < 0.01
    assert drift.topic_mix < 0.01
    assert drift.confidence_shift == pytest.approx(0.0)
    assert drift.unknown_tokens == pytest.approx(0.01)


def test_another_mix_and_less_confidence_show() -> None:
    """Four times as many negatives: far above the threshold by rule of thumb, 0.25."""
    window = DriftWindow(REFERENCE, size=1000)
    window.add(mixed(500, negative=0.8, confidence=0.6), tokens=100, unknown=20)

    drift = window.drift()

    assert drift is not None
    assert drift.sentiment_mix > 0.5
    assert drift.confidence_shift == pytest.approx(-0.2)
    assert drift.unknown_tokens == pytest.approx(0.2)


def test_only_the_latest_documents_count() -> None:
    """A drift that is over must go from the figures."""
    window = DriftWindow(REFERENCE, size=400)
    window.add(mixed(400, negative=1.0), tokens=10, unknown=10)
    for _ in range(4):
        window.add(mixed(100), tokens=100, unknown=1)

    drift = window.drift()

    assert drift is not None
    assert drift.documents == 400
    assert drift.sentiment_mix < 0.01
    assert drift.unknown_tokens == pytest.approx(0.01)


def test_a_batch_larger_than_the_window_stays_whole() -> None:
    """A window to the nearest batch must never be empty."""
    window = DriftWindow(REFERENCE, size=100)
    window.add(mixed(500))
    drift = window.drift()
    assert drift is not None
    assert drift.documents == 500


def test_few_documents_or_no_reference_say_nothing() -> None:
    """A figure from ten documents is chance; one against nothing is none."""
    few = DriftWindow(REFERENCE, size=1000)
    few.add(mixed(199))
    blank = DriftWindow(Reference(), size=1000)
    blank.add(mixed(500))
    assert (few.drift(), blank.drift()) == (None, None)


def test_tokens_that_nobody_counts_are_not_shown_as_known() -> None:
    """Zero would look like a vocabulary that knows all."""
    window = DriftWindow(REFERENCE, size=1000)
    window.add(mixed(500))
    drift = window.drift()
    assert drift is not None
    assert drift.unknown_tokens is None


def test_the_index_is_that_of_the_formula() -> None:
    """Worked by hand: (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5), but for half a document a class."""
    expected = 0.3 * math.log(1.6) - 0.3 * math.log(0.4)
    assert stability_index({"a": 0.5, "b": 0.5}, {"a": 80_000, "b": 20_000}) == pytest.approx(expected, rel=1e-3)


def test_a_class_that_never_occurs_keeps_the_index_finite() -> None:
    """A class that is new, or gone, is drift, not an error."""
    assert 0 < stability_index({"a": 1.0}, {"b": 100}) < 20
    assert stability_index({}, {}) == 0.0
