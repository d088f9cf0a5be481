"""The torch backend over a tiny random encoder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from models.architecture import TwoHeads, read_network
from models.artifacts import read_adapter
from models.classifier import classifier_of
from models.engine import TorchEngine, load_engine
from models.hardware import pick_device, pick_dtype
from models.linear import Linear
from models.merged import read_merged
from models.packed import groups_of
from models.padded import PaddedNetwork
from monitor.domain import Prediction
from monitor.errors import ArtifactError, ConfigurationError
from monitor.ports import Classifier
from monitor.settings import ClassifierSettings
from tests.fixtures.tiny_model import TOPICS, TinyModel, sentence

ROOT = Path(__file__).resolve().parents[3]
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


def reference_network(model: TinyModel) -> TwoHeads:
    """The same folders through transformers and PEFT."""
    return read_network(model.encoder, model.adapter, topics=len(TOPICS))


def test_packed_texts_get_what_transformers_and_peft_give(tiny_model: TinyModel) -> None:
    """Merging and the packed encoder are our own code; theirs is the reference, one padded text at a time."""
    engine = load_engine(read_adapter(str(tiny_model.adapter)), settings_for(tiny_model))
    rows = engine.tokenise(TEXTS)
    packed = engine.run(rows)
    network = reference_network(tiny_model)
    for row, topics, sentiments in zip(rows, packed.topics, packed.sentiments, strict=True):
        mask = torch.tensor([[1] * len(row) + [0, 0]])
        topic, sentiment = network(torch.tensor([[*row, 0, 0]]), mask)
        np.testing.assert_allclose(topics, topic[0].softmax(-1).numpy(), atol=1e-5)
        np.testing.assert_allclose(sentiments, sentiment[0].softmax(-1).numpy(), atol=1e-5)


def test_the_path_of_the_gpu_gives_the_same(tiny_model: TinyModel) -> None:
    """Two networks, one answer; the arithmetic of the padded one is tested here without a GPU."""
    engine = load_engine(read_adapter(str(tiny_model.adapter)), settings_for(tiny_model))
    cpu = torch.device("cpu")
    padded = PaddedNetwork(reference_network(tiny_model), device=cpu, dtype=torch.float32)
    other = TorchEngine(padded, Tokenizer.from_file(str(tiny_model.encoder / "tokenizer.json")), device=cpu,
                        dtype=torch.float32)  # fmt: skip
    rows = engine.tokenise(TEXTS)
    found, expected = other.run(rows), engine.run(rows)
    np.testing.assert_allclose(found.topics, expected.topics, atol=1e-5)
    np.testing.assert_allclose(found.sentiments, expected.sentiments, atol=1e-5)


def test_answering_on_a_cpu_imports_no_transformers() -> None:
    """It takes eight seconds and two hundred megabytes that a worker has no use for."""
    code = "import sys, models.engine; print(sorted({'transformers', 'peft'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("file", "values", "match"),
    [
        ("adapter_config.json", {"use_dora": True}, "only plain LoRA"),
        ("adapter_config.json", {"r": 0}, "does not fit"),
    ],
)
def test_an_adapter_that_cannot_be_merged_is_refused(
    tiny_model: TinyModel, tmp_path: Path, file: str, values: dict[str, object], match: str
) -> None:
    """Ignoring what is not understood would answer something else than was trained."""
    folder = Path(shutil.copytree(tiny_model.adapter, tmp_path / "adapter"))
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")
    with pytest.raises(ArtifactError, match=match):
        read_merged(tiny_model.encoder, folder)


def test_an_adapter_of_another_shape_is_refused(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Weights too many, too few or too large are named, not guessed."""
    folder = Path(shutil.copytree(tiny_model.adapter, tmp_path / "adapter"))
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({**weights, "base_model.model.surprise": torch.zeros(1)}, path)
    with pytest.raises(ArtifactError, match="surprise"):
        read_merged(tiny_model.encoder, folder)
    first = min(weights)
    save_file({**weights, first: torch.zeros(3, 5)}, path)
    with pytest.raises(ArtifactError, match="does not fit"):
        read_merged(tiny_model.encoder, folder)


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


@pytest.mark.parametrize("activation", ["none", "gelu"])
def test_the_fused_product_is_the_plain_one(
    activation: Literal["none", "gelu"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operators under it have no public name; should one change its meaning, this fails and not the labels."""
    generator = torch.Generator().manual_seed(5)
    weight, bias, rows = (torch.randn(shape, generator=generator).bfloat16() for shape in ((48, 32), (48,), (7, 32)))
    fused = Linear(weight, bias, activation=activation)(rows)
    monkeypatch.setattr("models.linear.has_onednn", lambda: False)
    torch.testing.assert_close(fused, Linear(weight, bias, activation=activation)(rows), atol=0.05, rtol=0.02)


def test_rows_of_one_length_run_together() -> None:
    """Groups are what attention is computed over."""
    assert groups_of([[1, 2], [3, 4], [5], [6, 7]]) == [(2, 2), (1, 1), (1, 2)]
    assert groups_of([]) == []
