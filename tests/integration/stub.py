"""A stand-in for the model, where a test counts and does not judge."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.domain import Mention, Prediction, Probabilities


class StubClassifier:
    """A stub label from the length of the text: this test counts, it does not judge."""

    version = "length-1"

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        return [self._answer(len(text) % 3) for text in texts]

    def _answer(self, index: int) -> Prediction:
        parts = [0.1, 0.1, 0.1]
        parts[index] = 0.8
        probabilities = Probabilities(negative=parts[0], neutral=parts[1], positive=parts[2])
        return Prediction(topic="Markets", topic_probability=0.5, probabilities=probabilities, model=self.version)
