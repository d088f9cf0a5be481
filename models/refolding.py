"""Write an adapter anew with other heads: the old folder and a scaling for each in, a new checked folder out.

Everything else is copied, but for the card, which is written anew: it must say what is in force.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from models.artifacts import HEADS, Adapter, check_adapter
from models.calibration import Scaling
from models.digests import sha256_of
from models.manifest import MANIFEST, Manifest
from models.training.card import CARD, write_card
from monitor.errors import ArtifactError, ConfigurationError, PermanentError

READABLE = 0o644


def refuse_taken(out: Path) -> None:
    """Raise where something stands at `out` already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(f"{out}: is not empty; name a new folder")


def write_refolded(
    adapter: Adapter, out: Path, scalings: Mapping[str, Scaling], changed: Mapping[str, object]
) -> Manifest:
    """Write `adapter` with `scalings` folded into its heads, and with `changed` in its manifest, into the new `out`."""
    refuse_taken(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(prefix=f".tmp-{out.name}-", dir=out.parent))
    except OSError as err:
        raise ConfigurationError(f"{out}: cannot be made: {err.strerror}; name another folder") from err
    try:
        manifest = _fill(workspace, adapter, scalings, changed)
        _publish(workspace, out)
    except OSError as err:
        raise PermanentError(f"{out}: cannot be written: {err.strerror}; make room and try again") from err
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return manifest


def fold_heads(source: Path, target: Path, scalings: Mapping[str, Scaling]) -> None:
    """Write the heads of `source` to `target`, each with its scaling folded in."""
    try:
        heads = load_file(source)
        for name, scaling in scalings.items():
            weight, bias = (heads[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias"))
            folded = scaling.fold(weight, bias)
            heads[f"{name}.weight"], heads[f"{name}.bias"] = (part.astype(np.float32) for part in folded)
    except (KeyError, SafetensorError) as err:
        raise ArtifactError(f"{source}: the heads do not fit: {err}; get the adapter again") from err
    save_file({name: np.ascontiguousarray(values) for name, values in heads.items()}, target)
    target.chmod(READABLE)  # safetensors writes for the owner alone; others run the daemon


def _fill(folder: Path, adapter: Adapter, scalings: Mapping[str, Scaling], changed: Mapping[str, object]) -> Manifest:
    for path in sorted(adapter.folder.iterdir()):
        if path.is_file() and path.name not in {MANIFEST, HEADS, CARD}:
            shutil.copyfile(path, folder / path.name)
    fold_heads(adapter.folder / HEADS, folder / HEADS, scalings)
    files = {**adapter.manifest.files, HEADS: sha256_of(folder / HEADS)}
    manifest = adapter.manifest.model_copy(update={**changed, "files": files})
    manifest.write(folder)
    write_card(folder, manifest)
    return manifest


def _publish(workspace: Path, out: Path) -> None:
    check_adapter(workspace)  # the check that everyone makes who loads it
    workspace.chmod(0o755)
    if out.is_dir():
        out.rmdir()
    workspace.rename(out)
