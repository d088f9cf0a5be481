"""A training run: same input, same adapter; what it writes can be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.artifacts import read_adapter
from models.training.config import TrainingConfig
from models.training.loop import class_weights, similar_batches
from models.training.run import read_config, train
from models.training.scores import fit_temperature, score, softmax
from monitor.errors import ConfigurationError
from tests.fixtures.tiny_model import TinyModel

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUICK = TrainingConfig(epochs=1, batch_size=8, lora_rank=2, lora_alpha=4, threads=1, device="cpu")


def test_the_same_run_gives_the_same_adapter(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Without that, no number in a model card could be checked."""
    encoder = (tiny_model.base, tiny_model.encoder)
    reports = [
        train(tiny_model.data, tmp_path / name, QUICK, encoder=encoder, now=lambda: T0) for name in ("one", "two")
    ]
    assert reports[0].model == reports[1].model
    assert reports[0].metrics == reports[1].metrics


def test_a_run_leaves_a_whole_folder(tiny_model: TinyModel) -> None:
    """Manifest, card and log: what was done must be known from the folder alone."""
    manifest = read_adapter(str(tiny_model.adapter)).manifest
    assert set(manifest.data) == {
        "sentiment/sentfin.csv", "sentiment/tweets_train.csv", "sentiment/tweets_valid.csv",
        "topic/classes.txt", "topic/train.parquet", "topic/valid.csv",
    }  # fmt: skip
    assert 0 <= manifest.metrics["tweets_valid.fp32.accuracy"] <= 1
    assert manifest.training["lora_rank"] == 4
    card = (tiny_model.adapter / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert manifest.model in card
    lines = (tiny_model.adapter / "training.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines][-1] == "training_finished"


def test_a_folder_in_use_is_not_overwritten(tiny_model: TinyModel) -> None:
    """A running daemon may have it loaded."""
    with pytest.raises(ConfigurationError, match="is not empty"):
        train(tiny_model.data, tiny_model.adapter, QUICK, encoder=(tiny_model.base, tiny_model.encoder))


def test_settings_come_from_yaml_and_are_checked(tmp_path: Path) -> None:
    """A typing error must not silently train with defaults for ten minutes."""
    path = tmp_path / "training.yaml"
    path.write_text("epochs: 2\nseed: 5\n", encoding="utf-8")
    assert (read_config(path).epochs, read_config(path).seed) == (2, 5)
    path.write_text("epoch: 2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"epoch: Extra inputs"):
        read_config(path)
    assert read_config(None) == TrainingConfig()


def test_batches_hold_every_row_once_and_similar_lengths() -> None:
    """Little padding, nothing lost, another order each epoch."""
    ids = [[1] * (1 + (n * 31) % 90) for n in range(500)]
    batches = list(similar_batches(ids, 16, seed=1))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    spread = [max(len(ids[r]) for r in batch) - min(len(ids[r]) for r in batch) for batch in batches]
    assert np.mean(spread) < 6
    assert batches != list(similar_batches(ids, 16, seed=2))


def test_rare_classes_weigh_more_but_the_loss_keeps_its_size() -> None:
    """Weights that grow the loss would be a hidden learning rate."""
    weights = class_weights([0] * 90 + [1] * 10, 3, 0.5).tolist()
    assert weights[1] > weights[0]
    assert 0.9 * weights[0] + 0.1 * weights[1] == pytest.approx(1.0)
    assert class_weights([0, 1], 2, 0.0).tolist() == [1.0, 1.0]


def test_scores_agree_with_the_reference() -> None:
    """Our few lines against scikit-learn."""
    metrics = pytest.importorskip("sklearn.metrics")
    chance = np.random.default_rng(3)
    labels = chance.integers(0, 4, 200)
    probabilities = softmax(chance.normal(size=(200, 4)) + 2 * np.eye(4)[labels])
    found = score(probabilities, labels)
    predicted = probabilities.argmax(axis=1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))


def test_temperature_makes_a_boaster_modest() -> None:
    """A head that is sure and often wrong is divided down; its answers stay the same."""
    chance = np.random.default_rng(4)
    labels = chance.integers(0, 3, 400)
    logits = 8 * (np.eye(3)[labels] + chance.normal(scale=0.8, size=(400, 3)))
    temperature = fit_temperature(logits, labels)
    assert temperature > 1.5
    assert (
        score(softmax(logits / temperature), labels).calibration_error
        < score(softmax(logits), labels).calibration_error
    )
