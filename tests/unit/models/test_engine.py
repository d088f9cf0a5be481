"""The torch backend over a tiny random encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from models.architecture import read_network, read_tokenizer
from models.artifacts import read_adapter
from models.classifier import classifier_of
from models.engine import TorchEngine, load_engine
from models.hardware import pick_device, pick_dtype
from models.packed import groups_of
from monitor.domain import Prediction
from monitor.errors import ConfigurationError
from monitor.ports import Classifier
from monitor.settings import ClassifierSettings
from tests.fixtures.tiny_model import TOPICS, TinyModel, sentence

TEXTS = [sentence(range(n, n + 1 + (n * 5) % 23)) for n in range(40)]


def settings_for(model: TinyModel, **values: object) -> ClassifierSettings:
    """Settings that load the tiny model on the CPU."""
    base = {"adapter": str(model.adapter), "encoder": model.encoder, "device": "cpu", "precision": "fp32"}
    return ClassifierSettings.model_validate({**base, **values})


def load(model: TinyModel, **values: object) -> Classifier:
    """A classifier over the tiny model."""
    settings = settings_for(model, **values)
    return classifier_of(read_adapter(settings.adapter), settings)


def numbers(answers: Sequence[Prediction | Exception]) -> np.ndarray:
    """Sentiment probabilities, one row a text."""
    rows = [a.probabilities for a in answers if isinstance(a, Prediction)]
    return np.array([(p.negative, p.neutral, p.positive) for p in rows])


def test_packed_texts_get_what_padded_ones_get(tiny_model: TinyModel) -> None:
    """The packed encoder is our own; transformers' is the reference."""
    engine = load_engine(read_adapter(str(tiny_model.adapter)), settings_for(tiny_model))
    rows = engine.tokenise(TEXTS)
    packed = engine.run(rows)
    network = read_network(tiny_model.encoder, tiny_model.adapter, topics=len(TOPICS))
    for row, topics, sentiments in zip(rows, packed.topics, packed.sentiments, strict=True):
        ids = torch.tensor([[*row, 0, 0]])
        mask = torch.tensor([[1] * len(row) + [0, 0]])
        topic, sentiment = network(ids, mask)
        np.testing.assert_allclose(topics, topic[0].softmax(-1).numpy(), atol=1e-5)
        np.testing.assert_allclose(sentiments, sentiment[0].softmax(-1).numpy(), atol=1e-5)


def test_the_padded_path_gives_the_same(tiny_model: TinyModel) -> None:
    """The GPU's path must answer as the CPU's does; its arithmetic is tested here without one."""
    network = read_network(tiny_model.encoder, tiny_model.adapter, topics=len(TOPICS))
    tokenizer = read_tokenizer(tiny_model.encoder, max_tokens=64)
    engine = TorchEngine(network, tokenizer, device=torch.device("cpu"), dtype=torch.float32, packed=False)
    rows = engine.tokenise(TEXTS)
    reference = load_engine(read_adapter(str(tiny_model.adapter)), settings_for(tiny_model)).run(rows)
    found = engine.run(rows)
    np.testing.assert_allclose(found.topics, reference.topics, atol=1e-5)
    np.testing.assert_allclose(found.sentiments, reference.sentiments, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_company_does_not_change_an_answer(tiny_model: TinyModel, precision: str) -> None:
    """A replay cuts other batches than the live run; the labels must not differ for that."""
    classifier = load(tiny_model, precision=precision)
    together = numbers(classifier.classify(TEXTS))
    alone = np.concatenate([numbers(classifier.classify([text])) for text in TEXTS])
    backwards = numbers(classifier.classify(TEXTS[::-1]))[::-1]
    assert np.abs(together - alone).max() < 1e-2
    assert np.abs(together - backwards).max() < 1e-2


def test_two_loads_answer_alike(tiny_model: TinyModel) -> None:
    """Two workers with one version must give one answer."""
    first, second = load(tiny_model), load(tiny_model)
    assert first.version == second.version
    assert numbers(first.classify(TEXTS)).tolist() == numbers(second.classify(TEXTS)).tolist()


def test_strange_texts_are_answered_or_refused_in_place(tiny_model: TinyModel) -> None:
    """Whatever comes over the bus, the batch goes on."""
    texts = ["", " \n ", "\x00", "shares fall " * 100_000, "\ud800", "株価 急落", "shares fall"]
    answers = load(tiny_model).classify(texts)
    assert len(answers) == len(texts)
    refused = [index for index, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert refused in ([], [4])  # a lone surrogate is not text


def test_a_long_text_is_cut_to_what_the_encoder_takes(tiny_model: TinyModel) -> None:
    """Position 512 does not exist in BERT; the manifest says where texts end."""
    engine = load_engine(read_adapter(str(tiny_model.adapter)), settings_for(tiny_model))
    assert len(engine.tokenise(["shares fall " * 1000])[0]) == 256


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cuda` by mistake must not fall back to a crawl without a word; `auto` may."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(ConfigurationError, match="no CUDA device"):
        pick_device("cuda")


def test_precision_follows_the_settings() -> None:
    """Whoever asks for fp32 gets it, also where bf16 is faster."""
    assert pick_dtype("fp32", "cpu") is torch.float32
    assert pick_dtype("bf16", "cpu") is torch.bfloat16


def test_rows_of_one_length_run_together() -> None:
    """Groups are what attention is computed over."""
    assert groups_of([[1, 2], [3, 4], [5], [6, 7]]) == [(2, 2), (1, 1), (1, 2)]
    assert groups_of([]) == []
