"""A verdict from another confidence on; what was not read or is not about finance stays without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Abstention, EntitySentiment, Prediction, Probabilities, Sentiment
from pipelines.confidence import with_confidence

UNSURE = Probabilities(negative=0.62, neutral=0.3, positive=0.08)
PREDICTION = Prediction(
    topic="Markets",
    topic_probability=0.9,
    probabilities=UNSURE,
    model="m",
    abstained=Abstention.LOW_CONFIDENCE,
    entities=(EntitySentiment(entity="ACME", probabilities=UNSURE, uncertain=True),),
)


def test_likelier_than_not_is_a_verdict_where_a_desk_asks_for_no_more() -> None:
    """Of the text, and of each entity."""
    asked = with_confidence(PREDICTION, 0.5)
    assert asked.verdict() is asked.verdict("ACME") is Sentiment.NEGATIVE
    assert asked.abstained is None


@given(least=st.floats(0.0, 1.0))
def test_the_threshold_alone_decides(least: float) -> None:
    """Whatever was decided before, as often as it is asked."""
    once = with_confidence(PREDICTION, least)
    assert (once.verdict("ACME") is not None) == (UNSURE.negative >= least)
    assert with_confidence(with_confidence(PREDICTION, 1.0), least) == once
    assert once.probabilities == PREDICTION.probabilities


@pytest.mark.parametrize("reason", [Abstention.OFF_TOPIC, Abstention.LANGUAGE])
def test_no_confidence_makes_a_verdict_of_what_was_not_judged(reason: Abstention) -> None:
    """It says nothing about a company."""
    refused = replace(PREDICTION, abstained=reason)
    assert with_confidence(refused, 0.0) == refused
