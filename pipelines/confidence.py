"""Decide anew which answers carry a verdict: predictions in, the same with another threshold of confidence out. Pure.

An adapter comes with the threshold that keeps its stated risk: one answer alone may be believed. Counts are another
matter. Wrong ones stand on both sides of a baseline, and an answer that is likelier than not says more than none, so a
desk may ask for less: 0.5 counts whatever the model finds more probable than not.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.domain import Abstention, EntitySentiment, Prediction, Probabilities

_BY_CONFIDENCE = (None, Abstention.LOW_CONFIDENCE)


def with_confidence(prediction: Prediction, least: float) -> Prediction:
    """`prediction` with a verdict where its most probable sentiment is at least `least`, in [0, 1].

    What was not read, or is not about finance, stays without one.
    """
    if prediction.abstained not in _BY_CONFIDENCE:
        return prediction
    is_low = _top(prediction.probabilities) < least
    return replace(
        prediction,
        abstained=Abstention.LOW_CONFIDENCE if is_low else None,
        entities=tuple(_decided(entity, least) for entity in prediction.entities),
    )


def _decided(entity: EntitySentiment, least: float) -> EntitySentiment:
    return replace(entity, uncertain=_top(entity.probabilities) < least)


def _top(probabilities: Probabilities) -> float:
    return max(probabilities.negative, probabilities.neutral, probabilities.positive)
