"""From a batch's probabilities to predictions: pure.

An answer without a verdict says why: the text is not about finance, else its most probable sentiment is not probable
enough. Both thresholds come with the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from models.backend import Answers
from models.manifest import Calibration
from monitor.domain import Abstention, EntitySentiment, Mention, Prediction, Probabilities
from monitor.errors import InvalidRecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Makes predictions of one model's answers."""

    model: str  #: Name, version and digest; travels in every prediction.
    topics: tuple[str, ...]  #: In label order.
    calibration: Calibration

    def of(self, answers: Answers, mentions: Sequence[Sequence[Mention]]) -> list[Prediction | Exception]:
        """One prediction a row, or the exception for a row that has no numbers; `mentions` are those of each row."""
        ends = list(accumulate((len(wanted) for wanted in mentions), initial=0))
        tops, best = answers.topics.argmax(axis=1).tolist(), answers.topics.max(axis=1).tolist()
        sentiments, finance, entities = (a.tolist() for a in (answers.sentiments, answers.finance, answers.entities))
        finite = _finite(answers, ends)
        return [
            self._prediction((tops[row], best[row]), sentiments[row], finance[row],
                             zip(mentions[row], entities[first:last], strict=True))
            if finite[row]
            else failed(ValueError("not a number"))
            for row, (first, last) in enumerate(pairwise(ends))
        ]  # fmt: skip

    def _prediction(
        self,
        topic: tuple[int, float],
        sentiment: Sequence[float],
        finance: float,
        entities: zip[tuple[Mention, Sequence[float]]],
    ) -> Prediction:
        return Prediction(
            topic=self.topics[topic[0]],
            topic_probability=topic[1],
            probabilities=_probabilities(sentiment),
            model=self.model,
            entities=tuple(self._entity(mention, values) for mention, values in entities),
            finance=finance,
            abstained=self._abstained(sentiment, finance),
        )

    def _entity(self, mention: Mention, values: Sequence[float]) -> EntitySentiment:
        is_uncertain = max(values) < self.calibration.confidence
        return EntitySentiment(entity=mention.entity, probabilities=_probabilities(values), uncertain=is_uncertain)

    def _abstained(self, sentiment: Sequence[float], finance: float) -> Abstention | None:
        if finance < self.calibration.finance:
            return Abstention.OFF_TOPIC
        return Abstention.LOW_CONFIDENCE if max(sentiment) < self.calibration.confidence else None


def failed(err: Exception) -> InvalidRecordError:
    """What a text gets that alone made the model fail."""
    reason = InvalidRecordError(f"the model failed on this text: {type(err).__name__}: {err}", reason="model_failed")
    reason.__cause__ = err
    return reason


def _probabilities(values: Sequence[float]) -> Probabilities:
    return Probabilities(negative=values[0], neutral=values[1], positive=values[2])


def _finite(answers: Answers, ends: Sequence[int]) -> list[bool]:
    """Per row, whether all that was answered on it is numbers."""
    rows = np.isfinite(answers.topics.sum(axis=1) + answers.sentiments.sum(axis=1) + answers.finance)
    entities = np.isfinite(answers.entities.sum(axis=1))
    return [bool(rows[row] and entities[first:last].all()) for row, (first, last) in enumerate(pairwise(ends))]
