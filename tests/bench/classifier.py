"""Classifier documents a second, against `transformers.pipeline` one text at a time and batched by 32."""

from __future__ import annotations

from models import load_classifier
from models.artifacts import read_adapter
from models.encoders import obtain_encoder
from monitor.settings import ClassifierSettings
from tests.bench.rates import Rate, interleave
from tests.bench.reference import pipeline_ways
from tests.bench.texts import mixed_texts

TEXTS = 400  #: The same for every way: a sample would have lengths of its own.


def measure_classifier(*, rounds: int = 3) -> dict[str, Rate]:
    """The three ways in one interleaved run: one torch thread each, encoder of the same size and weights."""
    import torch

    classifier = load_classifier(ClassifierSettings(threads=1))
    torch.set_num_threads(1)
    texts = mixed_texts(TEXTS)
    others = pipeline_ways(obtain_encoder(read_adapter("small").manifest.base), texts, max_tokens=256, device="cpu")
    return interleave({"tapewatch": lambda: len(classifier.classify(texts)), **others}, rounds=rounds)
