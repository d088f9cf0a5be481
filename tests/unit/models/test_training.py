"""A training run: same input, same adapter; what it writes can be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.artifacts import SHIPPED, read_adapter
from models.evaluation.measures import score
from models.training.batches import similar_batches
from models.training.loop import Trainer
from models.training.losses import class_weights, refuse_one_class
from models.training.progress import selection_score
from models.training.rows import Example
from models.training.run import SETTINGS, read_config, train
from models.training.teaching import taught
from monitor.errors import ConfigurationError, PermanentError
from tests.fixtures.tiny_model import TinyModel, tiny_config

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUICK = tiny_config()


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
    assert 0 <= manifest.metrics["tweets_valid.fp32.sentiment.accuracy"] <= 1
    assert manifest.training["lora_rank"] == 4
    card = (tiny_model.adapter / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert manifest.model in card
    lines = (tiny_model.adapter / "training.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines][-1] == "training_finished"


def test_a_folder_in_use_is_not_overwritten(tiny_model: TinyModel) -> None:
    """A running daemon may have it loaded."""
    with pytest.raises(ConfigurationError, match="is not empty"):
        train(tiny_model.data, tiny_model.adapter, QUICK, encoder=(tiny_model.base, tiny_model.encoder))


def test_the_settings_of_the_shipped_adapters_are_read() -> None:
    """They are how the adapters are made again; each names what it makes."""
    found = {path.stem: read_config(path) for path in SETTINGS.glob("*.yaml")}
    assert set(found) >= {"small", "base", "multilingual"}
    assert all(config.name == name for name, config in found.items())


def test_settings_come_from_yaml_and_are_checked(tmp_path: Path) -> None:
    """A typing error must not silently train with defaults for ten minutes."""
    path = tmp_path / "training.yaml"
    path.write_text("epochs: 2\nseed: 5\n", encoding="utf-8")
    assert (read_config(path).epochs, read_config(path).seed) == (2, 5)
    path.write_text("epoch: 2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"epoch: Extra inputs"):
        read_config(path)


@pytest.mark.parametrize("path", sorted(SETTINGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_settings_of_the_shipped_adapters_are_sound(path: Path) -> None:
    """They are what the cards say to run; and what runs when nothing is said."""
    assert read_config(path).name == path.stem
    assert read_config(None).name == "small"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SHIPPED.glob("*/manifest.json")))
def test_a_shipped_adapter_was_made_with_its_settings(name: str) -> None:
    """A card that cannot be made again is a claim."""
    made = read_adapter(name).manifest.training
    told = read_config(SETTINGS / f"{name}.yaml").model_dump(mode="json", exclude={"checkpoint_every", "threads"})
    assert {key: made[key] for key in told} == told


def test_batches_hold_every_row_once_and_similar_lengths() -> None:
    """Little padding, nothing lost, another order each epoch."""
    lengths = [1 + (n * 31) % 90 for n in range(500)]
    batches = list(similar_batches(lengths, 16, seed=1))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    spread = [max(lengths[r] for r in batch) - min(lengths[r] for r in batch) for batch in batches]
    assert np.mean(spread) < 6
    assert batches != list(similar_batches(lengths, 16, seed=2))


def test_rare_classes_weigh_more_but_the_loss_keeps_its_size() -> None:
    """Weights that grow the loss would be a hidden learning rate."""
    weights = class_weights([0] * 90 + [1] * 10, 3, 0.5).tolist()
    assert weights[1] > weights[0]
    assert 0.9 * weights[0] + 0.1 * weights[1] == pytest.approx(1.0)
    assert class_weights([0, 1], 2, 0.0).tolist() == [1.0, 1.0]


def test_a_killed_run_ends_like_one_that_was_not(
    tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of an hour that has to start over after a power cut would never be finished by some."""
    encoder, config = (tiny_model.base, tiny_model.encoder), tiny_config(checkpoint_every=3, epochs=2)
    whole = train(tiny_model.data, tmp_path / "whole", config, encoder=encoder, now=lambda: T0)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", killed_at(Trainer._step, step=11))
        with pytest.raises(KeyboardInterrupt):
            train(tiny_model.data, tmp_path / "killed", config, encoder=encoder, now=lambda: T0)
    assert not (tmp_path / "killed").exists(), "half a model must never be found under its name"
    resumed = train(tiny_model.data, tmp_path / "killed", config, encoder=encoder, now=lambda: T0)
    events = [json.loads(line)["event"] for line in (tmp_path / "killed/training.jsonl").read_text().splitlines()]
    assert "training_resumed" in events
    assert resumed.model == whole.model


def killed_at(call: Callable[..., float], *, step: int) -> Callable[..., float]:
    """`call`, interrupted when it is called for the `step`th time."""
    calls = 0

    def interrupted(*given: object) -> float:
        nonlocal calls
        calls += 1
        if calls == step:
            raise KeyboardInterrupt
        return call(*given)

    return interrupted


def test_another_run_does_not_take_over_a_checkpoint(
    tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of one configuration with the name of another would be a lie in the manifest."""
    encoder, config = (tiny_model.base, tiny_model.encoder), tiny_config(checkpoint_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", killed_at(Trainer._step, step=5))
        with pytest.raises(KeyboardInterrupt):
            train(tiny_model.data, tmp_path / "out", config, encoder=encoder)
    with pytest.raises(ConfigurationError, match="unfinished run with other data or settings"):
        train(tiny_model.data, tmp_path / "out", tiny_config(checkpoint_every=2, seed=99), encoder=encoder)


def test_a_loss_that_is_no_number_stops_the_run(
    tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after it would be noise with a model card."""
    monkeypatch.setattr(Trainer, "_step", lambda *given: float("nan"))
    with pytest.raises(PermanentError, match=r"step 1: the loss is not a number; lower learning_rate"):
        train(tiny_model.data, tmp_path / "out", QUICK, encoder=(tiny_model.base, tiny_model.encoder))
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_is_said_so_and_leaves_no_model(tiny_model: TinyModel, tmp_path: Path) -> None:
    """The log is the first that finds no room; /dev/full is a disk without any."""
    (tmp_path / ".tmp-out").mkdir()
    (tmp_path / ".tmp-out/training.jsonl").symlink_to("/dev/full")
    with pytest.raises(PermanentError, match=r"No space left on device.*; make room and run again"):
        train(tiny_model.data, tmp_path / "out", QUICK, encoder=(tiny_model.base, tiny_model.encoder))
    assert not (tmp_path / "out").exists()


def test_one_class_is_refused() -> None:
    """A model of one answer has a perfect score and no use."""
    rows = [Example(text=f"t{n}", source="tweets", sentiment=1) for n in range(9)]
    with pytest.raises(ConfigurationError, match="every sentiment label is the same class"):
        refuse_one_class(rows)
    refuse_one_class([*rows, Example(text="t", source="tweets", sentiment=0)])


@contextmanager
def obtainable(model: TinyModel) -> Iterator[None]:
    """While this is open the encoder of the tiny model is in the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.engine.obtain_encoder", lambda base, folder: model.encoder)
        yield


def test_a_student_learns_what_its_teacher_says(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Also from texts that nobody labelled; those of a test set stay out."""
    texts = tmp_path / "texts.jsonl"
    texts.write_text("\n".join(json.dumps({"text": f"$ACME falls {n}"}) for n in range(12)), encoding="utf-8")
    config = tiny_config(teacher=tiny_model.adapter, unlabelled=texts, unlabelled_rows=10)
    barred = Example(text="$ACME falls 3", source="tweets", sentiment=0)
    with obtainable(tiny_model):
        rows = taught([Example(text="acme rises", source="tweets", sentiment=2)], config, held_out=[barred])
    assert [row.source for row in rows] == ["tweets"] + ["unlabelled"] * 10
    assert "$ACME falls 3" not in {row.text for row in rows}
    for row in rows:
        assert row.teacher is not None
        assert sum(row.teacher.sentiment) == pytest.approx(1, abs=1e-5)
        assert len(row.teacher.entities) == len(row.entities)


def test_a_teacher_is_asked_in_its_languages_alone(tiny_model: TinyModel) -> None:
    """Its answers on others are noise, and the student would imitate them."""
    config = tiny_config(teacher=tiny_model.adapter)
    chinese = Example(text="acme 下跌", source="invented_zh", lang="zh", sentiment=0)
    rows = [chinese, Example(text="falls", source="tweets")]
    with obtainable(tiny_model):
        answered = {row.lang: row.teacher for row in taught(rows, config, held_out=[])}
    assert answered["zh"] is None
    assert answered["en"] is not None


def test_a_small_source_does_not_outvote_a_large_one() -> None:
    """Fifty noisy rows once chose a worse model than a thousand sure ones would have."""
    labels = np.arange(1000) % 2
    good, bad = np.eye(2)[labels], np.eye(2)[1 - labels]
    scores = {"tweets.sentiment": score(good, labels), "invented.sentiment": score(bad[:10], labels[:10])}
    assert selection_score(scores) > 0.9
    assert selection_score(scores, ["invented"]) == 0.0
