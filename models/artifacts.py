"""Check an adapter folder before anything in it is loaded.

A folder passes when its manifest is one that this program reads, every file it lists is there with its checksum, the
weights are safetensors, and nothing in it could carry code. Everything else is an `ArtifactError` that names the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from models.digests import sha256_of
from models.manifest import MANIFEST, Manifest, read_manifest
from monitor.domain import Sentiment
from monitor.errors import ArtifactError

SHIPPED = Path(__file__).resolve().parent / "adapters"

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
HEADS = "heads.safetensors"
UNFINISHED = ".tmp-"  #: How the name of a folder begins that is not whole yet.
NEEDED = (ADAPTER_CONFIG, ADAPTER_WEIGHTS, HEADS)

#: Formats that run code when they are read, or are code.
UNSAFE = frozenset({
    ".bin", ".ckpt", ".dill", ".h5", ".joblib", ".keras", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth", ".py",
    ".pyc", ".so",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter folder that was checked."""

    folder: Path
    manifest: Manifest


def find_adapter(adapter: str, *, registry: Path | None = None) -> Path:
    """Folder of the shipped adapter of that name, else that in `registry`, else `adapter` as a path."""
    if adapter and "/" not in adapter:
        for place in (SHIPPED, *((registry,) if registry else ())):
            if (place / adapter).is_dir():
                return _whole(place / adapter)
    folder = Path(adapter)
    if adapter and folder.is_dir():
        return _whole(folder)
    raise ArtifactError(f"classifier.adapter: {adapter!r} is no folder and {_no_known_name(registry)}")


def is_half_written(folder: Path) -> bool:
    """Whether `folder` is still being made, or was left so: it takes its name only when it is whole."""
    return folder.name.startswith(UNFINISHED) or not (folder / MANIFEST).is_file()


def _whole(folder: Path) -> Path:
    if folder.name.startswith(UNFINISHED):
        raise ArtifactError(f"{folder}: is half written; let the run that makes it finish, or delete it")
    return folder


def _no_known_name(registry: Path | None) -> str:
    shipped = ", ".join(sorted(path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}"))) or "none"
    if registry is None:
        return f"no shipped adapter ({shipped})"
    held = sorted(path.parent.name for path in registry.glob(f"*/{MANIFEST}") if not is_half_written(path.parent))
    return f"neither shipped ({shipped}) nor in {registry} ({', '.join(held) or 'empty'})"


def read_adapter(adapter: str, *, registry: Path | None = None) -> Adapter:
    """Find and check `adapter`."""
    return check_adapter(find_adapter(adapter, registry=registry))


def check_adapter(folder: Path) -> Adapter:
    """Check the adapter in `folder`: what its manifest says, every file, nothing that could run code."""
    refuse_unsafe(folder)
    manifest = read_manifest(folder)
    if missing := [name for name in NEEDED if name not in manifest.files]:
        raise ArtifactError(f"{folder}: the manifest does not list {', '.join(missing)}; get the adapter again")
    if manifest.sentiments != tuple(sentiment.value for sentiment in Sentiment):
        raise ArtifactError(f"{folder}: unknown sentiments {', '.join(manifest.sentiments)}; update tapewatch")
    for name, expected in manifest.files.items():
        check_file(folder / name, expected)
    _check_peft(folder / ADAPTER_CONFIG)
    return Adapter(folder=folder, manifest=manifest)


def refuse_unsafe(folder: Path) -> None:
    """Raise when anything under `folder` could run code when it is loaded."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in UNSAFE:
            raise ArtifactError(f"{path}: files of this kind can run code; only safetensors are loaded; remove it")


def check_file(path: Path, expected: str) -> None:
    """Raise unless `path` is there with the SHA-256 `expected`."""
    try:
        found = sha256_of(path)
    except OSError as err:
        raise ArtifactError(f"{path}: cannot be read: {err.strerror}; get the folder again") from err
    if found != expected:
        size = path.stat().st_size
        raise ArtifactError(
            f"{path}: SHA-256 is {found[:12]}... ({size} bytes), expected {expected[:12]}...: damaged, cut short or "
            "changed; get the folder again"
        )


def _check_peft(path: Path) -> None:
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("peft_type")
    except (OSError, ValueError, AttributeError) as err:
        raise ArtifactError(f"{path}: not a PEFT configuration: {err}") from err
    if kind != "LORA":
        raise ArtifactError(f"{path}: peft_type is {kind!r}; only LORA adapters are read")
