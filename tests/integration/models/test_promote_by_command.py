"""`tapewatch models` on real folders: what is shown, what is refused, with which exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.history import read_history
from models.registry import active_name
from monitor.cli import exit_status
from monitor.cli.models import models
from tests.fixtures.random_model import make_model
from tests.fixtures.tiny_model import make_data


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters of the same weights, their encoder, and test sets."""
    root = tmp_path_factory.mktemp("promote")
    made = make_model(root / "made", "bert")
    for version in (1, 2):
        folder = Path(shutil.copytree(made.adapter, root / f"adapters/random-{version}"))
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "version": version}))
    make_data(root / "data")
    return root


@pytest.fixture
def registry(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with both adapters, and a configuration that names it."""
    registry = Path(shutil.copytree(root / "adapters", tmp_path / "registry"))
    (tmp_path / "tapewatch.yaml").write_text(
        f"classifier: {{adapter: active, registry: {registry}, encoder: {root / 'made/encoder'}, device: cpu, "
        "precision: fp32}\n"
    )
    monkeypatch.chdir(tmp_path)
    return registry


def call(*arguments: object) -> int:
    """The exit status of `tapewatch models ...`."""
    return exit_status(lambda: models.main([str(a) for a in arguments], standalone_mode=False))


def test_promote_asks_for_a_gate_or_a_word_against_it(registry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody promotes unmeasured by forgetting an option."""
    assert call("promote", "random-1") == 2
    assert "--no-gate" in capsys.readouterr().err
    assert active_name(registry) is None


def test_an_equal_candidate_passes_the_gate_and_is_noted(
    registry: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are measured on the sets; a random model is not calibrated, hence the limit."""
    assert call("promote", "random-1", "--no-gate") == 0
    assert call("promote", "random-2", "--gate", root / "data", "--max-ece", 100, "--json") == 0
    assert active_name(registry) == "random-2"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["action"] == "promoted"
    assert {row["set"] for row in lines if "set" in row} >= {"tweets_valid.sentiment", "topics_valid.topic"}
    gate = read_history(registry)[-1].gate
    assert gate["active"] == gate["candidate"] != {}


def test_a_candidate_beyond_the_limit_is_refused_and_may_be_forced(
    registry: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is said and kept; forcing it is kept too."""
    assert call("promote", "random-1", "--no-gate") == 0
    assert call("promote", "random-2", "--gate", root / "data", "--max-ece", 0.1) == 1
    said = capsys.readouterr().err
    assert "random-2 is not promoted, random-1 stays active" in said
    assert "calibration error" in said
    assert active_name(registry) == "random-1"

    assert call("promote", "random-2", "--gate", root / "data", "--max-ece", 0.1, "--force") == 0

    assert active_name(registry) == "random-2"
    entries = read_history(registry)
    assert [(entry.action, entry.is_forced) for entry in entries] == [
        ("promoted", False), ("refused", False), ("promoted", True),
    ]  # fmt: skip
    assert "calibration error" in entries[-1].reasons[0]


def test_rollback_goes_back_and_then_has_nothing_to_go_to(registry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second refusal says why."""
    for version in (1, 2):
        assert call("promote", f"random-{version}", "--no-gate") == 0
    assert call("rollback") == 0
    assert active_name(registry) == "random-1"
    assert call("rollback") == 2
    assert "nothing was promoted before random-1" in capsys.readouterr().err


def test_an_adapter_on_another_encoder_is_refused_before_it_is_active(
    registry: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is loaded as the daemon would: the daemon need not find out."""
    other = make_model(tmp_path / "other", "mpnet")
    shutil.rmtree(registry / "random-1")
    assert call("promote", other.adapter, "--no-gate") == 2
    assert "config.json: SHA-256" in capsys.readouterr().err
    assert active_name(registry) is None


def test_a_tampered_adapter_is_neither_shown_nor_promoted(registry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named."""
    (registry / "random-2/heads.safetensors").write_bytes(b"?")
    for verb in (("show", "random-2"), ("promote", "random-2", "--no-gate")):
        assert call(*verb) == 2
        assert "heads.safetensors: SHA-256" in capsys.readouterr().err


def test_list_and_show_tell_what_is_there(registry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line an adapter; everything about one."""
    assert call("promote", "random-1", "--no-gate") == 0
    (registry / ".tmp-random-3").mkdir()
    capsys.readouterr()

    assert call("list", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    held = {row["name"]: row["active"] for row in rows if row["place"] == "registry"}
    assert held == {"random-1": True, "random-2": False}

    assert call("show", "random-1") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["active"], shown["manifest"]["version"]) == (True, 1)
    assert [entry["action"] for entry in shown["history"]] == ["promoted"]
    assert call("show", "random-9") == 2


def test_without_a_registry_the_verbs_say_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """The key and the option are named."""
    monkeypatch.chdir(tmp_path)
    assert call("rollback") == 2
    assert "--registry" in capsys.readouterr().err
