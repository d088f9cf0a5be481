"""The registry: the pointer is swapped whole or not at all, and everything that was done can be undone."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import registry as registry_module
from models.history import HISTORY, read_history
from models.registry import (
    Verdict,
    active_folder,
    active_name,
    add,
    check_held,
    list_held,
    promote,
    promoted_line,
    rollback,
)
from monitor.errors import ArtifactError, PermanentError
from tests.fixtures.registry import make_adapter, spoil

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
FINE = Verdict(passed=True)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry with small-1, small-2 and small-3; nothing promoted."""
    for version in (1, 2, 3):
        make_adapter(tmp_path / f"registry/small-{version}", version=version, weights=bytes([version]))
    return tmp_path / "registry"


def test_promote_and_rollback_move_the_pointer_and_are_noted(registry: Path) -> None:
    """An operator must see what was in force when."""
    for version in (1, 2):
        promote(registry, f"small-{version}", now=T0, verdict=FINE)
    assert active_folder(registry) == registry / "small-2"

    rollback(registry, now=T0)

    assert active_name(registry) == "small-1"
    noted = [(entry.action, entry.name, entry.before) for entry in read_history(registry)]
    assert noted == [
        ("promoted", "small-1", None), ("promoted", "small-2", "small-1"), ("rolled_back", "small-1", "small-2"),
    ]  # fmt: skip
    assert read_history(registry)[0].model == check_held(registry, "small-1").manifest.model


def test_rollback_after_rollback_goes_further_back_and_then_refuses(registry: Path) -> None:
    """Going back and forth between two would bring the bad one back."""
    for version in (1, 2, 3):
        promote(registry, f"small-{version}", now=T0, verdict=FINE)
    assert [rollback(registry, now=T0).name for _ in range(2)] == ["small-2", "small-1"]
    with pytest.raises(ArtifactError, match="nothing was promoted before small-1"):
        rollback(registry, now=T0)
    promote(registry, "small-3", now=T0, verdict=FINE)
    assert rollback(registry, now=T0).name == "small-1"


def test_a_refused_promotion_changes_nothing_but_is_noted(registry: Path) -> None:
    """The reason stays to be read; forcing it is noted as forced."""
    promote(registry, "small-1", now=T0, verdict=FINE)
    refused = Verdict(passed=False, reasons=("macro-F1 fell by 3.0 points",), found={"rows": 10})

    entry = promote(registry, "small-2", now=T0, verdict=refused)

    assert (entry.action, active_name(registry)) == ("refused", "small-1")
    assert read_history(registry)[-1].reasons == ("macro-F1 fell by 3.0 points",)
    assert read_history(registry)[-1].gate == {"rows": 10}
    forced = Verdict(passed=False, is_forced=True, reasons=refused.reasons)
    assert promote(registry, "small-2", now=T0, verdict=forced).is_forced
    assert (active_name(registry), promoted_line(registry)) == ("small-2", ["small-1", "small-2"])


def test_a_reader_sees_the_old_or_the_new_pointer_and_never_none(registry: Path) -> None:
    """A daemon that looks while the pointer moves must find an adapter, whole, each time."""
    promote(registry, "small-1", now=T0, verdict=FINE)
    seen: list[str | None] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(active_name(registry) if (registry / "active/manifest.json").is_file() else None)

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(30):
        promote(registry, f"small-{1 + turn % 3}", now=T0, verdict=FINE)
    done.set()
    reader.join()
    assert seen
    assert None not in seen


def test_a_stop_between_note_and_move_leaves_the_old_one_active(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer is the truth: what was noted but never came into force is not rolled back to or from."""
    for version in (1, 2):
        promote(registry, f"small-{version}", now=T0, verdict=FINE)

    def stop(folder: Path, name: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(registry_module, "_point", stop)
        with pytest.raises(PermanentError, match="small-2 stays active"):
            promote(registry, "small-3", now=T0, verdict=FINE)
    assert active_name(registry) == "small-2"
    assert promoted_line(registry) == ["small-1", "small-2"]
    assert rollback(registry, now=T0).name == "small-1"


def test_a_left_over_temporary_link_does_not_stand_in_the_way(registry: Path) -> None:
    """A kill between making the link and renaming it leaves one."""
    (registry / ".tmp-active").symlink_to("small-9")
    promote(registry, "small-1", now=T0, verdict=FINE)
    assert active_name(registry) == "small-1"


def test_half_a_line_of_history_is_passed_over_and_not_glued_to_the_next(registry: Path) -> None:
    """A machine that stopped midway must not make the history unreadable."""
    promote(registry, "small-1", now=T0, verdict=FINE)
    with (registry / HISTORY).open("a") as file:
        file.write('{"at": "2026')
    promote(registry, "small-2", now=T0, verdict=FINE)
    assert [entry.name for entry in read_history(registry)] == ["small-1", "small-2"]
    assert rollback(registry, now=T0).name == "small-1"


def test_half_written_folders_are_no_adapters(registry: Path) -> None:
    """A copy or a training run in progress must never be picked up."""
    make_adapter(registry / ".tmp-small-4", version=4)
    (registry / "small-5").mkdir()
    (registry / "small-5/heads.safetensors").write_bytes(b"half")

    assert [held.name for held in list_held(registry)] == ["small-1", "small-2", "small-3"]
    with pytest.raises(ArtifactError, match=r"\.tmp-small-4: no such adapter"):
        promote(registry, ".tmp-small-4", now=T0, verdict=FINE)
    with pytest.raises(ArtifactError, match="small-5: has no manifest: half written"):
        promote(registry, "small-5", now=T0, verdict=FINE)
    assert active_name(registry) is None


@pytest.mark.parametrize("name", ["../elsewhere", "active", "small-9", "", "."])
def test_only_a_folder_of_the_registry_is_promoted(registry: Path, name: str) -> None:
    """A path could point anywhere, and the pointer to itself would hang every reader."""
    promote(registry, "small-1", now=T0, verdict=FINE)
    with pytest.raises(ArtifactError, match="small-1, small-2, small-3"):
        promote(registry, name, now=T0, verdict=FINE)


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ("tampered", r"adapter_model\.safetensors: SHA-256 is"),
        ("truncated", r"adapter_model\.safetensors: SHA-256 is .* \(0 bytes\)"),
        ("pickle", "can run code"),
        ("newer", "update tapewatch"),
    ],
)
def test_a_damaged_adapter_is_neither_promoted_nor_rolled_back_to(registry: Path, how: str, match: str) -> None:
    """What is active stays active; the message names the file."""
    for version in (1, 2):
        promote(registry, f"small-{version}", now=T0, verdict=FINE)
    for version in (1, 3):
        spoil(registry / f"small-{version}", how)
    with pytest.raises(ArtifactError, match=match):
        promote(registry, "small-3", now=T0, verdict=FINE)
    with pytest.raises(ArtifactError, match=match):
        rollback(registry, now=T0)
    assert active_name(registry) == "small-2"


def test_a_manifest_that_cannot_be_read_is_listed_with_its_problem(registry: Path) -> None:
    """One bad folder must not hide the others."""
    spoil(registry / "small-2", "newer")
    held = {found.name: found.problem for found in list_held(registry)}
    assert held["small-1"] == ""
    assert "update tapewatch" in held["small-2"]


def test_a_pointer_without_its_folder_says_what_to_do(registry: Path) -> None:
    """Somebody deleted the promoted adapter."""
    with pytest.raises(ArtifactError, match="tapewatch models promote"):
        active_folder(registry)
    for version in (1, 2):
        promote(registry, f"small-{version}", now=T0, verdict=FINE)
    shutil.rmtree(registry / "small-2")
    with pytest.raises(ArtifactError, match="tapewatch models rollback"):
        active_folder(registry)
    assert rollback(registry, now=T0).name == "small-1"


def test_a_registry_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A typing error in the configuration."""
    with pytest.raises(ArtifactError, match=r"classifier\.registry"):
        list_held(tmp_path / "nowhere")


def test_an_adapter_from_elsewhere_is_copied_whole(tmp_path: Path, registry: Path) -> None:
    """A shipped adapter enters the registry under its name and version; the same one again is no error."""
    source = make_adapter(tmp_path / "mine", version=4)
    assert add(registry, source) == add(registry, source) == "small-4"
    assert check_held(registry, "small-4").manifest.version == 4
    assert not [path for path in registry.iterdir() if path.name.startswith(".tmp-")]
    other = make_adapter(tmp_path / "other", version=4, weights=b"other")
    with pytest.raises(ArtifactError, match="give the new one another version"):
        add(registry, other)


def test_a_disk_that_fills_up_during_the_copy_leaves_no_adapter(
    tmp_path: Path, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a copy under the right name would be taken for an adapter."""
    source = make_adapter(tmp_path / "mine", version=4)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(PermanentError, match="make room"):
        add(registry, source)
    assert {path.name for path in registry.iterdir()} == {".lock", "small-1", "small-2", "small-3"}
