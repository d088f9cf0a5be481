"""A model folder is checked before anything in it is loaded."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from models.artifacts import read_adapter
from models.classifier import load_classifier
from monitor.errors import ArtifactError, ConfigurationError
from monitor.settings import ClassifierSettings
from tests.fixtures.tiny_model import TinyModel


@pytest.fixture
def folder(tiny_model: TinyModel, tmp_path: Path) -> Path:
    """A copy of a good adapter, to be spoilt."""
    return Path(shutil.copytree(tiny_model.adapter, tmp_path / "adapter"))


def edit_manifest(folder: Path, **values: object) -> None:
    """Change keys of the manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_a_good_folder_passes(folder: Path) -> None:
    """What the training run writes, the daemon reads."""
    assert read_adapter(str(folder)).manifest.model.startswith("tiny-1+")


def test_changed_weights_are_refused(folder: Path) -> None:
    """One bit is enough: nobody can tell what else was changed."""
    path = folder / "heads.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match=r"heads\.safetensors: SHA-256 is"):
        read_adapter(str(folder))


def test_a_truncated_file_is_refused(folder: Path) -> None:
    """A disk that filled up during a copy leaves half a file."""
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtifactError, match="100 bytes"):
        read_adapter(str(folder))


@pytest.mark.parametrize("name", ["adapter_model.bin", "extra.pkl", "deep/weights.PT", "run.py"])
def test_a_file_that_can_run_code_is_refused(folder: Path, name: str) -> None:
    """A pickle runs code when it is loaded, also when it only lies beside the weights."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({"weights": [1.0]}))
    with pytest.raises(ArtifactError, match="can run code"):
        load_classifier(ClassifierSettings(adapter=str(folder)))


def test_a_pickle_under_another_name_is_refused(folder: Path, tiny_model: TinyModel) -> None:
    """Whoever can write the manifest too still cannot have a pickle loaded: only safetensors are parsed."""
    path = folder / "heads.safetensors"
    path.write_bytes(pickle.dumps({"topic.weight": [1.0]}))
    files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    from models.digests import sha256_of

    edit_manifest(folder, files={**files, "heads.safetensors": sha256_of(path)})
    with pytest.raises(ArtifactError, match=r"heads\.safetensors"):
        load_classifier(ClassifierSettings(adapter=str(folder), encoder=tiny_model.encoder))


def test_a_newer_layout_is_refused(folder: Path) -> None:
    """An older program would read it wrongly; it says to update instead."""
    edit_manifest(folder, schema_version=99)
    with pytest.raises(ArtifactError, match="update tapewatch"):
        read_adapter(str(folder))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"surprise": 1}, "surprise"),
        ({"topics": []}, "topics"),
        ({"sentiments": ["bad", "good"]}, "unknown sentiments"),
        ({"files": {}}, "does not list"),
        ({"files": {"../../etc/passwd": "0" * 64}}, "files"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(folder: Path, values: dict[str, object], match: str) -> None:
    """Each key is checked, and no file outside the folder is ever named."""
    edit_manifest(folder, **values)
    with pytest.raises(ArtifactError, match=match):
        read_adapter(str(folder))


def test_a_missing_file_or_folder_is_named(folder: Path) -> None:
    """The message must say what to look for."""
    (folder / "heads.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"heads\.safetensors: cannot be read"):
        read_adapter(str(folder))
    with pytest.raises(ArtifactError, match="no shipped adapter"):
        read_adapter("no-such-adapter")
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match="not JSON"):
        read_adapter(str(folder))


def test_another_encoder_is_refused(folder: Path, tiny_model: TinyModel, tmp_path: Path) -> None:
    """An adapter on a wrong encoder would answer nonsense without a word."""
    other = Path(shutil.copytree(tiny_model.encoder, tmp_path / "encoder"))
    (other / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ArtifactError, match=r"model\.safetensors: SHA-256"):
        load_classifier(ClassifierSettings(adapter=str(folder), encoder=other))


def test_an_artifact_error_refuses_the_start() -> None:
    """The command line maps it to status 2, as any configuration that cannot work."""
    assert issubclass(ArtifactError, ConfigurationError)
