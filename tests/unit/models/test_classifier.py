"""The classifier's promises, over a backend that fails on demand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from models.backend import Answers, DeviceMemoryError
from models.classifier import TextClassifier
from monitor.domain import Prediction, Sentiment
from monitor.errors import InvalidRecordError

TOPICS = ("short", "long")


class FakeBackend:
    """Answers from the text alone: one token a word; the word `bad` fails, `nan` gives no number."""

    def __init__(self, *, room: int = 10_000) -> None:
        self.room = room  #: Padded tokens that the device holds.
        self.batches: list[list[int]] = []
        self.words: dict[int, str] = {}

    def tokenise(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        if any("untokenisable" in text for text in texts):
            raise ValueError("cannot tokenise")
        return [[self._token(word) for word in text.split()] for text in texts]

    def run(self, rows: Sequence[Sequence[int]]) -> Answers:
        if len(rows) * max(map(len, rows)) > self.room:
            raise DeviceMemoryError("out of memory")
        self.batches.append([len(row) for row in rows])
        words = [[self.words[token] for token in row] for row in rows]
        if any("bad" in row for row in words):
            raise RuntimeError("kernel failed")
        topics = [[0.9, 0.1] if len(row) < 3 else [0.2, 0.8] for row in words]
        sentiments = [[np.nan] * 3 if "nan" in row else [0.7, 0.2, 0.1] for row in words]
        return Answers(topics=np.array(topics, dtype=np.float32), sentiments=np.array(sentiments, dtype=np.float32))

    def _token(self, word: str) -> int:
        token = hash(word)
        self.words[token] = word
        return token


def classifier(backend: FakeBackend, *, budget: int = 1000) -> TextClassifier:
    """A classifier over `backend`."""
    return TextClassifier(backend, version="fake-1+0", topics=TOPICS, max_batch_tokens=budget, max_text_chars=200)


def topics_of(answers: Sequence[Prediction | Exception]) -> list[str]:
    """Topics, or the reason of the exception."""
    return [a.topic if isinstance(a, Prediction) else getattr(a, "reason", "?") for a in answers]


def test_answers_come_in_the_order_of_the_texts() -> None:
    """Batches are sorted by length inside; the caller must not notice."""
    texts = ["a b c d", "a", "a b c", "a b", "a b c d e"]
    assert topics_of(classifier(FakeBackend(), budget=4).classify(texts)) == ["long", "short", "long", "short", "long"]


def test_a_prediction_carries_version_and_distribution() -> None:
    """A label must say which model made it."""
    [answer] = classifier(FakeBackend()).classify(["a"])
    assert isinstance(answer, Prediction)
    assert (answer.model, answer.sentiment) == ("fake-1+0", Sentiment.NEGATIVE)
    assert answer.topic_probability == pytest.approx(0.9)


@pytest.mark.parametrize("poison", ["bad", "untokenisable", "nan"])
def test_one_failing_text_costs_the_others_nothing(poison: str) -> None:
    """A poison document goes to the dead letters alone, not with its batch."""
    answers = classifier(FakeBackend()).classify(["a", f"{poison} b", "a b c"])
    assert topics_of(answers) == ["short", "model_failed", "long"]
    assert isinstance(answers[1], InvalidRecordError)


def test_out_of_memory_halves_the_budget_and_goes_on() -> None:
    """A GPU shared with others has less room than yesterday; that must not stop the monitor."""
    backend = FakeBackend(room=300)
    wanted = classifier(backend, budget=1000)
    assert topics_of(wanted.classify(["a b c"] * 400)) == ["long"] * 400
    assert wanted.budget == 250
    assert max(len(batch) * max(batch) for batch in backend.batches) <= 250


def test_a_text_that_alone_does_not_fit_is_refused_alone() -> None:
    """Halving without end would hang the stage on one text."""
    answers = classifier(FakeBackend(room=5), budget=128).classify(["a b c d e f g h", "a"])
    assert topics_of(answers) == ["model_failed", "short"]


def test_no_texts_give_no_answers() -> None:
    """A batch of dead letters only leaves nothing to classify."""
    assert classifier(FakeBackend()).classify([]) == []


def test_text_is_cut_before_it_is_tokenised() -> None:
    """The tokeniser's time grows with the whole text."""
    backend = FakeBackend()
    classifier(backend).classify(["w " * 10_000])
    assert max(max(batch) for batch in backend.batches) <= 100
