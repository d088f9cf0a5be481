"""How far the answers have drifted from those on the development rows: predictions in, figures out. Pure.

The latest documents are held against the reference in the manifest: the mix of labels by the population stability
index, the mean confidence, the share of tokens that the vocabulary lacks. As a rule of thumb an index below 0.1 is
noise, one above 0.25 another world. A stream that is unlike the training data is so from its first day.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.manifest import Reference
from monitor.domain import Prediction

LEAST = 200  #: Documents below which chance alone moves the figures.


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The latest documents against the reference."""

    documents: int
    sentiment_mix: float  #: Population stability index; 0 is no change.
    topic_mix: float
    confidence_shift: float  #: Mean probability of the most probable sentiment, less that of the reference.
    unknown_tokens: float | None  #: Share of tokens that the vocabulary lacks; None where they are not counted.


@dataclass(slots=True, kw_only=True)
class _Sums:
    """Additive; of one batch, or of all that are held."""

    documents: int = 0
    sentiments: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    tokens: int = 0
    unknown: int = 0

    def add(self, other: _Sums, times: int = 1) -> None:
        """Add `other`, or with `times` -1 take it away."""
        self.documents += times * other.documents
        self.confidence += times * other.confidence
        self.tokens += times * other.tokens
        self.unknown += times * other.unknown
        change = Counter.update if times > 0 else Counter.subtract
        change(self.sentiments, other.sentiments)
        change(self.topics, other.topics)


class DriftWindow:
    """The latest `size` documents, to the nearest batch."""

    def __init__(self, reference: Reference, *, size: int, least: int = LEAST) -> None:
        self.reference = reference
        self._size = size
        self._least = min(least, size)
        self._batches: deque[_Sums] = deque()
        self._held = _Sums()

    def add(self, predictions: Sequence[Prediction], *, tokens: int = 0, unknown: int = 0) -> None:
        """Take in what was answered on one batch, and how many tokens it had, so many of them unknown."""
        batch = _Sums(
            documents=len(predictions),
            sentiments=Counter(prediction.sentiment.value for prediction in predictions),
            topics=Counter(prediction.topic for prediction in predictions),
            confidence=sum(map(confidence_of, predictions)),
            tokens=tokens,
            unknown=unknown,
        )
        self._batches.append(batch)
        self._held.add(batch)
        while self._held.documents - self._batches[0].documents >= self._size:
            self._held.add(self._batches.popleft(), -1)

    def drift(self) -> Drift | None:
        """Where things stand; None while there are too few documents, or the manifest has no reference."""
        held, reference = self._held, self.reference
        if held.documents < self._least or not reference.rows:
            return None
        return Drift(
            documents=held.documents,
            sentiment_mix=stability_index(reference.sentiments, held.sentiments),
            topic_mix=stability_index(reference.topics, held.topics),
            confidence_shift=held.confidence / held.documents - reference.confidence,
            unknown_tokens=held.unknown / held.tokens if held.tokens else None,
        )


def confidence_of(prediction: Prediction) -> float:
    """Probability of the most probable sentiment."""
    probabilities = prediction.probabilities
    return max(probabilities.negative, probabilities.neutral, probabilities.positive)


def stability_index(expected: Mapping[str, float], found: Mapping[str, int]) -> float:
    """Sum over the classes of (found - expected) x ln(found / expected), in shares; 0 is no change.

    Half a document is added to each class on both sides, so that one that never occurs adds a little and not infinity.
    """
    names = sorted({*expected, *found})
    total = sum(found.values())
    if not names or not total:
        return 0.0
    whole = total + 0.5 * len(names)
    pairs = (((found.get(name, 0) + 0.5) / whole, (expected.get(name, 0.0) * total + 0.5) / whole) for name in names)
    return sum((now - then) * math.log(now / then) for now, then in pairs)
