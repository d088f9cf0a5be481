"""The classifier on a real GPU."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

from models.artifacts import read_adapter
from models.classifier import TextClassifier, classifier_of
from monitor.domain import Mention, Prediction
from monitor.settings import ClassifierSettings
from tests.fixtures.random_model import Kind, RandomModel, make_model
from tests.fixtures.tiny_model import sentence

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

TEXTS = [sentence(range(n, n + 1 + (n * 5) % 23)) for n in range(3000)]
MENTIONS = [tuple(Mention(entity=word, surfaces=(word,)) for word in ("company", "oil")[: n % 3]) for n in range(3000)]


@pytest.fixture(scope="module", params=["bert", "mpnet"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RandomModel:
    """A random model of each kind."""
    return make_model(tmp_path_factory.mktemp(request.param), cast("Kind", request.param))


def load(model: RandomModel, *, device: str, precision: str = "fp32") -> TextClassifier:
    """The random model on `device`."""
    settings = ClassifierSettings.model_validate(
        {"adapter": str(model.adapter), "encoder": model.encoder, "device": device, "precision": precision}
    )
    return classifier_of(read_adapter(settings.adapter), settings)


def numbers(classifier: TextClassifier) -> np.ndarray:
    """p(negative) of every text and of every entity."""
    values = []
    for answer in classifier.classify(TEXTS, MENTIONS):
        assert isinstance(answer, Prediction)
        values += [answer.probabilities.negative, *(entity.probabilities.negative for entity in answer.entities)]
    return np.array(values)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-3), ("bf16", 0.1)])
def test_the_gpu_answers_as_the_cpu_does(model: RandomModel, precision: str, tolerance: float) -> None:
    """Moving to a GPU must not move an alert."""
    found = numbers(load(model, device="cuda", precision=precision))
    assert np.abs(found - numbers(load(model, device="cpu"))).max() < tolerance


def test_company_does_not_change_an_answer(model: RandomModel) -> None:
    """A replay cuts other batches than the live run; the labels must not differ for that."""
    classifier = load(model, device="cuda", precision="bf16")
    together = classifier.classify(TEXTS[:100])
    for text, answer in zip(TEXTS, together, strict=False):
        [alone] = classifier.classify([text])
        assert isinstance(alone, Prediction)
        assert isinstance(answer, Prediction)
        assert (alone.topic, alone.sentiment) == (answer.topic, answer.sentiment)
        assert alone.probabilities.negative == pytest.approx(answer.probabilities.negative, abs=1e-2)


@pytest.mark.parametrize("words", [6, 14, 30])
def test_texts_of_one_length_are_answered_as_among_others(model: RandomModel, words: int) -> None:
    """They lie as a grid already, and go another way than a batch of many lengths."""
    alike = [sentence(range(n, n + words)) for n in range(64)]
    classifier = load(model, device="cuda", precision="bf16")
    expected = load(model, device="cpu").classify(alike)
    for found in (classifier.classify(alike), classifier.classify([*alike, *TEXTS[:50]])):
        for answer, other in zip(found, expected, strict=False):
            assert isinstance(answer, Prediction)
            assert isinstance(other, Prediction)
            assert answer.probabilities.negative == pytest.approx(other.probabilities.negative, abs=0.1)


def test_auto_takes_the_gpu(model: RandomModel) -> None:
    """Nobody should have to ask for the hardware that is there."""
    assert load(model, device="auto").budget == 32_768
