"""Check an adapter folder before anything in it is loaded.

A folder passes when its manifest is one that this program reads, every file it lists is there with its checksum, the
weights are safetensors, and nothing in it could carry code. Everything else is an `ArtifactError` that names the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from models.digests import sha256_of
from models.manifest import Manifest, read_manifest
from monitor.domain import Sentiment
from monitor.errors import ArtifactError

SHIPPED = Path(__file__).resolve().parent / "adapters"

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
HEADS = "heads.safetensors"
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


def find_adapter(adapter: str) -> Path:
    """Folder of the shipped adapter of that name, else `adapter` as a path."""
    shipped = SHIPPED / adapter
    if adapter and "/" not in adapter and shipped.is_dir():
        return shipped
    folder = Path(adapter)
    if not folder.is_dir():
        names = sorted(path.parent.name for path in SHIPPED.glob("*/manifest.json"))
        shown = ", ".join(names) or "none"
        raise ArtifactError(f"classifier.adapter: {adapter!r} is no folder and no shipped adapter ({shown})")
    return folder


def read_adapter(adapter: str) -> Adapter:
    """Find and check `adapter`."""
    folder = find_adapter(adapter)
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
