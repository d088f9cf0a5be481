"""A recalibrated adapter is the old one with honest probabilities: whole, checked, and never half there."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.special import softmax

from models.artifacts import read_adapter
from models.calibration import centred
from models.recalibration import recalibrate
from monitor.errors import ConfigurationError, PermanentError
from tests.fixtures.judged_model import WIDTH, WrittenEngine, make_judged_adapter

WORDS = ("negative", "neutral", "positive")
ROWS = 600
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def drawn(folder: Path, *, too_sure: float = 3.0) -> tuple[Path, WrittenEngine]:
    """Labels drawn from probabilities, and an engine whose logits are `too_sure` times as large."""
    random = np.random.default_rng(4)
    logits = random.normal(scale=2.0, size=(ROWS, 3))
    labels = (random.random((ROWS, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    said = softmax(too_sure * logits, axis=1)
    texts = [f"text {n}" for n in range(ROWS)]
    rows = [(text, WORDS[label], int(n % 4 > 0)) for n, (text, label) in enumerate(zip(texts, labels, strict=True))]
    pd.DataFrame(rows, columns=["text", "label", "finance"]).to_csv(folder / "rows.csv", index=False)
    finance = {text: float(0.6 + 0.3 * random.random() if about else 0.4 * random.random()) for text, _, about in rows}
    return folder / "rows.csv", WrittenEngine(dict(zip(texts, said, strict=True)), finance=finance)


def test_a_model_that_is_too_sure_is_tempered(tmp_path: Path) -> None:
    """The heads carry the scaling, the manifest says what was done, and everything else is the old model's."""
    old = make_judged_adapter(tmp_path / "old", trained=["other"])
    data, engine = drawn(tmp_path)
    found = recalibrate(old, lambda: engine, [data], tmp_path / "new", risk=0.2, now=lambda: NOW)
    new = read_adapter(str(tmp_path / "new"))

    sentiment, finance = found.changes
    assert (sentiment.head, sentiment.rows, sentiment.method) == ("sentiment", ROWS, "temperature")
    assert sentiment.before["ece"] > 0.1
    assert sentiment.after["ece"] < 0.05
    assert sentiment.after["nll"] < sentiment.before["nll"]
    assert sentiment.after["accuracy"] == sentiment.before["accuracy"]
    assert finance.head == "finance"
    hidden = np.random.default_rng(1).normal(size=(50, WIDTH))
    before, after = (_logits(folder, hidden) for folder in (tmp_path / "old", tmp_path / "new"))
    assert after == pytest.approx(before / 3, rel=0.15, abs=0.02)
    assert new.manifest.version == 2
    assert new.manifest.parent == old.manifest.model
    assert new.manifest.model == found.model != old.manifest.model
    assert new.manifest.created_at == "2026-05-01T00:00:00+00:00"
    assert set(new.manifest.data) == {"rows.csv"}
    assert new.manifest.files.keys() == old.manifest.files.keys()
    assert new.manifest.metrics["calibrated.sentiment.ece"] == pytest.approx(sentiment.after["ece"], abs=1e-4)


def test_the_card_says_what_is_in_force(tmp_path: Path) -> None:
    """The old card names other thresholds; whoever reads it would believe them."""
    old = make_judged_adapter(tmp_path / "old", trained=[])
    (old.folder / "MODEL_CARD.md").write_text("what was", encoding="utf-8")
    data, engine = drawn(tmp_path)
    found = recalibrate(old, lambda: engine, [data], tmp_path / "new", risk=0.2)
    card = (tmp_path / "new/MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {found.model}")
    assert f"It is {old.manifest.model} with its probabilities calibrated anew" in card
    assert f"below {found.calibration.confidence} is uncertain" in card
    assert "| rows.csv |" in card


def _logits(folder: Path, hidden: np.ndarray) -> np.ndarray:
    heads = load_file(folder / "heads.safetensors")
    return centred(hidden @ heads["sentiment.weight"].T + heads["sentiment.bias"])


def test_the_thresholds_are_those_of_the_rows(tmp_path: Path) -> None:
    """Above the threshold no more than the risk is wrong; of the rows about finance 99 % stay in."""
    old = make_judged_adapter(tmp_path / "old", trained=[])
    data, engine = drawn(tmp_path)
    kept = recalibrate(old, lambda: engine, [data], tmp_path / "new", risk=0.2).calibration
    assert 0.34 < kept.confidence < 1
    assert kept.risk <= 0.2
    assert 0.2 < kept.coverage < 1
    assert 0 < kept.finance <= 0.5
    reference = read_adapter(str(tmp_path / "new")).manifest.reference
    assert (reference.rows, reference.unknown_tokens) == (ROWS, 0.25)
    assert sum(reference.sentiments.values()) == pytest.approx(1, abs=1e-3)


def test_a_risk_that_no_threshold_keeps_writes_nothing(tmp_path: Path) -> None:
    """A promise that the data do not bear is refused, with what would help."""
    old = make_judged_adapter(tmp_path / "old", trained=[])
    data, engine = drawn(tmp_path)
    with pytest.raises(ConfigurationError, match=r"no threshold keeps the risk below 0\.0001 .* a larger --risk"):
        recalibrate(old, lambda: engine, [data], tmp_path / "new", risk=0.0001)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["old"]


def test_rows_that_trained_the_model_are_told(tmp_path: Path) -> None:
    """A model is surer of what it has seen: the threshold would be too low."""
    old = make_judged_adapter(tmp_path / "old", trained=["text 7", "TEXT 9!"])
    data, engine = drawn(tmp_path)
    found = recalibrate(old, lambda: engine, [data], tmp_path / "new", risk=0.2)
    assert len(found.notes) == 1
    assert "2 of 600 texts trained the model" in found.notes[0]


@pytest.mark.parametrize("broken", ["copy", "rename"])
def test_a_disk_that_fills_up_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Whoever looks for adapters must find the whole of one or none."""
    old = make_judged_adapter(tmp_path / "old", trained=[])
    data, engine = drawn(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((shutil, "copyfile", full) if broken == "copy" else (Path, "rename", full)))
    with pytest.raises(PermanentError, match="No space left on device; make room"):
        recalibrate(old, lambda: engine, [data], tmp_path / "new", risk=0.2)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["old"]


def test_a_folder_that_is_taken_is_refused_first(tmp_path: Path) -> None:
    """An adapter in use must not be overwritten, and the work would be lost."""
    old = make_judged_adapter(tmp_path / "old", trained=[])
    with pytest.raises(ConfigurationError, match="is not empty"):
        recalibrate(old, lambda: WrittenEngine({}), [tmp_path / "absent.csv"], tmp_path / "old", risk=0.2)


def test_one_class_is_refused(tmp_path: Path) -> None:
    """It would make the model sure of that class."""
    old = make_judged_adapter(tmp_path / "old", trained=[])
    pd.DataFrame([(f"t {n}", "neutral") for n in range(30)], columns=["text", "label"]).to_csv(
        tmp_path / "t.csv", index=False
    )
    with pytest.raises(ConfigurationError, match="all 30 labels are 'neutral'"):
        recalibrate(old, lambda: WrittenEngine({}), [tmp_path / "t.csv"], tmp_path / "new", risk=0.2)
