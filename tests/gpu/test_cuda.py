"""The classifier on a real GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.artifacts import read_adapter
from models.classifier import TextClassifier, classifier_of
from monitor.domain import Prediction
from monitor.settings import ClassifierSettings
from tests.fixtures.tiny_model import TinyModel, sentence

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

TEXTS = [sentence(range(n, n + 1 + (n * 5) % 23)) for n in range(300)]


def load(model: TinyModel, *, device: str, precision: str = "fp32") -> TextClassifier:
    """The tiny model on `device`."""
    settings = ClassifierSettings.model_validate(
        {"adapter": str(model.adapter), "encoder": model.encoder, "device": device, "precision": precision}
    )
    return classifier_of(read_adapter(settings.adapter), settings)


def negatives(classifier: TextClassifier) -> np.ndarray:
    """p(negative) of every text."""
    return np.array([a.probabilities.negative for a in classifier.classify(TEXTS) if isinstance(a, Prediction)])


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-3), ("bf16", 2e-2)])
def test_the_gpu_answers_as_the_cpu_does(tiny_model: TinyModel, precision: str, tolerance: float) -> None:
    """Moving to a GPU must not move an alert."""
    found = negatives(load(tiny_model, device="cuda", precision=precision))
    assert len(found) == len(TEXTS)
    assert np.abs(found - negatives(load(tiny_model, device="cpu"))).max() < tolerance


def test_auto_takes_the_gpu(tiny_model: TinyModel) -> None:
    """Nobody should have to ask for the hardware that is there."""
    assert load(tiny_model, device="auto").budget == 32_768
