"""The folder of a replay: what identifies it, how far it is, and that one process at a time works in it.

In the cache the folder is named after what was counted; the latest few are kept, so that other rules on the same
history need no counting. They may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from monitor.cache import cache_folder
from monitor.errors import ConfigurationError
from monitor.settings import Settings
from pipelines.replay import Place

STATE = "state.json"
LOCK = "lock"
LAYOUT = 1  #: Raise it when what is counted changes its meaning: older folders are then counted anew.
KEPT = 3  #: Folders in the cache.
_READ_AT_ONCE = 1 << 20


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a replay is."""

    key: str  #: Of what is counted.
    now: datetime  #: UTC; the present as the replay takes it, from its first start on.
    tickers: tuple[str, ...]  #: Of the watchlist or, without one, of the documents.
    total: int  #: Documents in the input.
    documents: int = 0
    refused: int = 0
    counted: bool = False  #: Every document is.

    @property
    def place(self) -> Place:
        """Where to go on."""
        return Place(documents=self.documents, refused=self.refused)


def history_key(source: Path, settings: Settings, versions: Mapping[str, str]) -> str:
    """Stands for everything that decides what is counted: the documents, the settings, the models by language."""
    sections = settings.model_dump_json(include={"stories": True, "watchlist": True, "classifier": True})
    caps = settings.aggregate.model_dump_json(include={"bucket", "guard"})
    limits = settings.ingest.documents.model_dump_json()
    parts = (str(LAYOUT), _digest(source), sections, caps, limits, *(f"{k}={v}" for k, v in sorted(versions.items())))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_AT_ONCE):
                digest.update(block)
    except OSError as err:
        raise ConfigurationError(f"{path}: cannot be read: {err.strerror}") from err
    return digest.hexdigest()


@contextmanager
def replay_folder(given: Path | None, key: str, *, fresh: bool) -> Iterator[Path]:
    """The folder of the replay `key`, ours until the end; with `fresh` what was in it is gone.

    Raises `ConfigurationError` where another replay works in it, or where `given` holds one of something else.
    """
    folder = given or cache_folder() / "replays" / key[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(f"{folder}: cannot be made: {err.strerror}") from err
    with _locked(folder):
        _refuse_foreign(folder, key)
        if fresh:
            _empty(folder)
        yield folder
    if given is None:
        _forget_old(folder.parent)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise ConfigurationError(f"{folder}: another replay works in it; wait, or give --state another") from err
        yield


def _refuse_foreign(folder: Path, key: str) -> None:
    state = read_state(folder)
    if state is not None and state.key != key:
        raise ConfigurationError(
            f"{folder}: holds a replay of another input, configuration or model; give --state another folder"
        )
    if state is None and (others := sorted(path.name for path in folder.iterdir() if not _is_ours(path))):
        raise ConfigurationError(f"{folder}: is no folder of a replay: it holds {others[0]}; give --state another")


def _is_ours(path: Path) -> bool:
    return path.name.startswith(("replay", STATE)) or path.name == LOCK


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != LOCK and _is_ours(path):
            path.unlink()


def read_state(folder: Path) -> State | None:
    """The state in `folder`; None where nothing was begun."""
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as err:
        raise ConfigurationError(f"{folder / STATE}: cannot be read: {err}; delete the folder") from err


def write_state(folder: Path, state: State) -> None:
    """Keep `state`: all of it, or what was there before."""
    unfinished = folder / f"{STATE}.new"
    unfinished.write_bytes(msgspec.json.encode(state))
    unfinished.replace(folder / STATE)


def _forget_old(root: Path) -> None:
    """Delete all but the latest folders; one that is in use stays."""
    by_age = sorted(root.glob(f"*/{STATE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[KEPT:]:
        try:
            with _locked(path.parent):
                shutil.rmtree(path.parent)
        except ConfigurationError:
            continue
