"""The registry: a folder of adapters, a pointer to the promoted one, and the history of the pointer.

    REGISTRY/small-1/ small-2/ ...    adapters; whatever begins with `.` or has no manifest is not one
    REGISTRY/active -> small-2        swapped by one rename, so that a reader sees the old or the new, never neither
    REGISTRY/history.jsonl            one line for each promotion, rollback and refusal; only ever added to

The pointer is the truth. The history says what stood before it; where the two disagree, because a machine stopped
between them, the history gives way. Only one process at a time changes anything.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from models.artifacts import UNFINISHED, Adapter, check_adapter, is_half_written
from models.history import Entry, append_entry, read_history
from models.manifest import Manifest, read_manifest
from monitor.errors import ArtifactError, PermanentError

POINTER = "active"
PROMOTED, ROLLED_BACK, REFUSED = "promoted", "rolled_back", "refused"

_LOCK = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One adapter folder in a registry."""

    name: str
    folder: Path
    is_active: bool
    manifest: Manifest | None  #: None: it cannot be read.
    problem: str = ""  #: Why it cannot be read.


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate said on a promotion, as it is kept in the history."""

    passed: bool
    is_forced: bool = False
    reasons: Sequence[str] = ()  #: Why it did not pass.
    found: Mapping[str, object] = field(default_factory=dict)


def list_held(registry: Path) -> list[Held]:
    """Every adapter folder in `registry`, by name; half-written ones are no adapters."""
    _need(registry)
    active = active_name(registry)
    return [
        _held(folder, is_active=folder.name == active)
        for folder in sorted(registry.iterdir())
        if folder.is_dir() and not folder.is_symlink() and not is_half_written(folder)
    ]


def active_name(registry: Path) -> str | None:
    """Name of the promoted adapter; None where nothing is promoted yet."""
    try:
        return (registry / POINTER).readlink().name
    except FileNotFoundError:
        return None
    except OSError as err:
        raise ArtifactError(f"{registry / POINTER}: is no symbolic link; delete it and promote again") from err


def active_folder(registry: Path) -> Path:
    """Folder of the promoted adapter."""
    name = active_name(registry)
    if name is None:
        raise ArtifactError(f"{registry / POINTER}: nothing is promoted yet; run: tapewatch models promote NAME")
    if not (registry / name).is_dir():
        raise ArtifactError(f"{registry / POINTER}: points to {name}, which is gone; run: tapewatch models rollback")
    return registry / name


def check_held(registry: Path, name: str) -> Adapter:
    """Check the adapter `name` of `registry`; raises `ArtifactError` unless it is whole."""
    _need(registry)
    folder = registry / name
    if not name or Path(name).name != name or name.startswith(".") or not folder.is_dir() or folder.is_symlink():
        held = ", ".join(found.name for found in list_held(registry)) or "none"
        raise ArtifactError(f"{folder}: no such adapter; the registry holds {held}")
    if is_half_written(folder):
        raise ArtifactError(f"{folder}: has no manifest: half written; let what makes it finish, or delete it")
    return check_adapter(folder)


def add(registry: Path, folder: Path) -> str:
    """Copy the checked adapter in `folder` into `registry`, whole or not at all; returns its name there."""
    adapter = check_adapter(folder)
    name = f"{adapter.manifest.name}-{adapter.manifest.version}"
    target, work = registry / name, registry / f"{UNFINISHED}{name}"
    with locked(registry):
        if target.exists():
            _same(read_manifest(target), adapter, target)
            return name
        try:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(folder, work)
            check_adapter(work)
            work.rename(target)
        except OSError as err:
            shutil.rmtree(work, ignore_errors=True)
            raise PermanentError(f"{target}: cannot be written: {err}; make room and run again") from err
    return name


def promote(registry: Path, name: str, *, now: datetime, verdict: Verdict) -> Entry:
    """Point `active` to the adapter `name`, or note in the history that the gate refused it; returns what was noted."""
    with locked(registry):
        adapter = check_held(registry, name)
        action = PROMOTED if verdict.passed or verdict.is_forced else REFUSED
        entry = _entry(registry, adapter, action, now=now, verdict=verdict)
        _move(registry, entry, to=name if action == PROMOTED else None)
    return entry


def rollback(registry: Path, *, now: datetime) -> Entry:
    """Point `active` back to what stood before it; what was promoted last is then no longer in line."""
    with locked(registry):
        line = promoted_line(registry)
        if len(line) < 2:  # noqa: PLR2004 - the active one and one before it
            raise ArtifactError(
                f"{registry}: nothing was promoted before {line[-1] if line else 'now'}; promote another"
            )
        adapter = check_held(registry, line[-2])
        entry = _entry(registry, adapter, ROLLED_BACK, now=now)
        _move(registry, entry, to=line[-2])
    return entry


def promoted_line(registry: Path) -> list[str]:
    """Names as they were promoted one over the other; the last is the active one."""
    line: list[str] = []
    for entry in read_history(registry):
        if entry.action == PROMOTED and line[-1:] != [entry.name]:
            line.append(entry.name)
        elif entry.action == ROLLED_BACK:
            del line[-1:]
            if line[-1:] != [entry.name]:
                line.append(entry.name)
    active = active_name(registry)
    if active is None:
        return []
    while active in line and line[-1] != active:
        line.pop()  # noted, but the pointer never went there
    return line if line[-1:] == [active] else [*line, active]


@contextmanager
def locked(registry: Path) -> Iterator[None]:
    """Hold the registry alone; made where it is not there yet."""
    try:
        registry.mkdir(parents=True, exist_ok=True)
        lock = (registry / _LOCK).open("a")
    except OSError as err:
        raise ArtifactError(f"{registry}: cannot be written: {err.strerror}; check classifier.registry") from err
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _need(registry: Path) -> None:
    if not registry.is_dir():
        raise ArtifactError(f"{registry}: no such folder; check classifier.registry, or promote a first adapter")


def _held(folder: Path, *, is_active: bool) -> Held:
    try:
        return Held(name=folder.name, folder=folder, is_active=is_active, manifest=read_manifest(folder))
    except ArtifactError as err:
        return Held(name=folder.name, folder=folder, is_active=is_active, manifest=None, problem=str(err))


def _same(held: Manifest, adapter: Adapter, target: Path) -> None:
    if held.model != adapter.manifest.model:
        raise ArtifactError(
            f"{target}: holds {held.model}, not {adapter.manifest.model}; give the new one another version"
        )


def _entry(registry: Path, adapter: Adapter, action: str, *, now: datetime, verdict: Verdict | None = None) -> Entry:
    return Entry(
        at=now.isoformat(timespec="seconds"),
        action=action,
        name=adapter.folder.name,
        model=adapter.manifest.model,
        before=active_name(registry),
        is_forced=verdict is not None and verdict.is_forced,
        reasons=tuple(verdict.reasons) if verdict else (),
        gate=dict(verdict.found) if verdict else {},
    )


def _move(registry: Path, entry: Entry, *, to: str | None) -> None:
    """Note `entry`, then point to `to`; a line without its move does no harm, a move without its line would."""
    try:
        append_entry(registry, entry)
        if to is not None:
            _point(registry, to)
    except OSError as err:
        raise PermanentError(f"{registry}: cannot be written: {err}; {entry.before or 'nothing'} stays active") from err


def _point(registry: Path, name: str) -> None:
    """Swap the pointer by one rename; the target is relative, so that the registry may be moved as a whole."""
    fresh = registry / f"{UNFINISHED}{POINTER}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(name, target_is_directory=True)
    fresh.replace(registry / POINTER)
    folder = os.open(registry, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
