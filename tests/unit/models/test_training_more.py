"""The other ways to an adapter: full fine-tuning, pre-training, a few rows on top of one that is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from models.artifacts import read_adapter
from models.overlap import TRAINING_KEYS, overlap
from models.training.adapt import adapt, few_shot_config
from models.training.lowrank import factors
from models.training.pretrain import NO_WORD, WEIGHTS, PretrainingConfig, masked, pretrain
from models.training.run import train
from monitor.errors import ConfigurationError
from tests.fixtures.tiny_model import TOPICS, TinyModel, sentence, tiny_config


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Unlabelled texts of the tiny vocabulary."""
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": sentence(range(n % 9, n % 9 + 5 + n % 7)) + f" {n}"}) for n in range(80)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


PRETRAINING = PretrainingConfig(
    epochs=3, batch_size=8, learning_rate=0.01, lora_rank=4, lora_alpha=8, threads=1, device="cpu"
)


def test_factors_rebuild_a_matrix_of_their_rank() -> None:
    """What full fine-tuning learnt must be what is stored, as far as the rank goes."""
    torch.manual_seed(1)
    matrix = torch.randn(24, 5) @ torch.randn(5, 16)
    down, up = factors(matrix, 8)
    assert (down.shape, up.shape) == ((8, 16), (24, 8))
    torch.testing.assert_close(up @ down, matrix, atol=1e-4, rtol=1e-4)


def test_full_fine_tuning_ends_in_the_same_kind_of_folder(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Whoever loads an adapter need not know how it was trained; and it must have learnt something."""
    config = tiny_config(method="full", learning_rate=1e-3)
    train(tiny_model.data, tmp_path / "full", config, encoder=(tiny_model.base, tiny_model.encoder))
    assert read_adapter(str(tmp_path / "full")).manifest.training["method"] == "full"
    weights = load_file(tmp_path / "full/adapter_model.safetensors")
    assert any(name.endswith("lora_B.weight") and tensor.abs().max() > 0 for name, tensor in weights.items())


def test_pre_training_lowers_the_loss_and_training_begins_from_it(
    tiny_model: TinyModel, texts: Path, tmp_path: Path
) -> None:
    """Otherwise it would be an hour spent on nothing."""
    encoder = (tiny_model.base, tiny_model.encoder)
    losses = pretrain(texts, tmp_path / "start", PRETRAINING, encoder=encoder)
    assert losses["loss.after"] < losses["loss.before"]
    assert any(tensor.abs().max() > 0 for tensor in load_file(tmp_path / "start" / WEIGHTS).values())
    begun, plain = (
        train(tiny_model.data, tmp_path / name, tiny_config(start=start), encoder=encoder)
        for name, start in (("begun", tmp_path / "start"), ("plain", None))
    )
    assert begun.model != plain.model


def test_pre_training_of_another_encoder_is_refused(tiny_model: TinyModel, texts: Path, tmp_path: Path) -> None:
    """Matrices of another encoder would fit in shape and spoil everything."""
    pretrain(texts, tmp_path / "start", PRETRAINING, encoder=(tiny_model.base, tiny_model.encoder))
    other = tiny_model.base.model_copy(update={"files": {"config.json": "0" * 64}})
    with pytest.raises(ConfigurationError, match="was pre-trained on another encoder"):
        train(tiny_model.data, tmp_path / "out", tiny_config(start=tmp_path / "start"),
              encoder=(other, tiny_model.encoder))  # fmt: skip
    with pytest.raises(ConfigurationError, match="not what `tapewatch pretrain` writes"):
        train(tiny_model.data, tmp_path / "out2", tiny_config(start=tmp_path),
              encoder=(tiny_model.base, tiny_model.encoder))  # fmt: skip


def test_masks_spare_the_ends_and_the_padding() -> None:
    """To guess a padding token teaches nothing; the same seed hides the same words."""
    ids = np.tile(np.arange(2, 22), (64, 1))
    mask = np.ones_like(ids)
    mask[:, 15:] = 0
    shown, wanted = masked(ids, mask, 1, words=40, seed=3)
    hidden = wanted != NO_WORD
    assert 0.1 < hidden[:, 1:14].mean() < 0.2
    assert not hidden[:, 0].any()
    assert not hidden[:, 14:].any()
    assert (shown[~hidden] == ids[~hidden]).all()
    assert 0.7 < (shown[hidden] == 1).mean() < 0.9
    again, _ = masked(ids, mask, 1, words=40, seed=3)
    assert (again == shown).all()


def test_a_few_rows_make_a_new_adapter_that_knows_its_parent(tiny_model: TinyModel, tmp_path: Path) -> None:
    """The rows are learnt, the parent named, its training rows remembered, and what was lost is in the card."""
    rows = [(f"{sentence([n % 4, 9, 10])} widget {n}", ("negative", "positive")[n % 2]) for n in range(16)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "few.csv", index=False)
    path = tmp_path / "settings.yaml"
    path.write_text("name: widgets\nthreads: 1\ndevice: cpu\nepochs: 1\nadversarial: 0\n", encoding="utf-8")
    report = adapt(str(tiny_model.adapter), [tmp_path / "few.csv"], tmp_path / "new", few_shot_config(path),
                   old_tests=tiny_model.data, encoder=tiny_model.encoder)  # fmt: skip
    manifest = read_adapter(str(tmp_path / "new")).manifest
    parent = read_adapter(str(tiny_model.adapter)).manifest
    assert (manifest.name, manifest.parent) == ("widgets", parent.model)
    assert manifest.topics == TOPICS
    assert "delta.tweets_valid.fp32.sentiment.accuracy" in report.metrics
    assert parent.model in (tmp_path / "new/MODEL_CARD.md").read_text(encoding="utf-8")
    old = pd.read_csv(tiny_model.data / "sentiment/tweets_train.csv")["text"].tolist()
    known = overlap(tmp_path / "new" / TRAINING_KEYS, [rows[0][0], old[0], "never seen before"])
    assert known == [0, 1]


def test_too_few_rows_are_refused(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Three rows make no adapter, and the message says how many would."""
    pd.DataFrame([("a b", "negative"), ("c d", "positive")], columns=["text", "label"]).to_csv(
        tmp_path / "few.csv", index=False
    )
    with pytest.raises(ConfigurationError, match="2 rows are too few to learn from; give 8 at least"):
        adapt(str(tiny_model.adapter), [tmp_path / "few.csv"], tmp_path / "new", few_shot_config(),
              encoder=tiny_model.encoder)  # fmt: skip
