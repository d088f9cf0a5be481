"""Classifier documents a second, against `transformers.pipeline` one text at a time and batched by 32."""

from __future__ import annotations

from models import load_classifier
from models.encoders import MINILM, obtain_encoder
from monitor.settings import ClassifierSettings
from tests.bench.rates import Rate, interleave
from tests.bench.texts import mixed_texts

TEXTS = 400  #: The same for every way: a sample would have lengths of its own.


def measure_classifier(*, rounds: int = 3) -> dict[str, Rate]:
    """The three ways in one interleaved run: one torch thread each, encoder of the same size and weights."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification, pipeline

    classifier = load_classifier(ClassifierSettings(threads=1))
    torch.set_num_threads(1)
    folder = str(obtain_encoder(MINILM))
    reference = pipeline(
        "text-classification",
        model=BertForSequenceClassification.from_pretrained(folder, num_labels=3),
        tokenizer=AutoTokenizer.from_pretrained(folder),
        device="cpu",
    )
    texts = mixed_texts(TEXTS)

    def ours() -> int:
        return len(classifier.classify(texts))

    def one_at_a_time() -> int:
        return sum(len(reference(text, truncation=True, max_length=256)) for text in texts)

    def batched() -> int:
        return len(reference(texts, batch_size=32, truncation=True, max_length=256))

    return interleave({"tapewatch": ours, "one at a time": one_at_a_time, "batched by 32": batched}, rounds=rounds)
