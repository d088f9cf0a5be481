"""The history of a registry: JSON lines, only ever added to.

A machine that stops midway leaves half a line at most; it is passed over, and what comes after begins on a new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

HISTORY = "history.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of the pointer, or a refusal to change it."""

    at: str  #: RFC 3339, UTC.
    action: str  #: promoted, rolled_back or refused.
    name: str  #: Of the folder that it was about.
    model: str  #: Version of the model in it.
    before: str | None  #: Name of the folder that was active.
    is_forced: bool = False  #: Promoted though the gate refused.
    reasons: tuple[str, ...] = ()  #: Why the gate refused.
    gate: Mapping[str, object] = field(default_factory=dict)  #: What the gate measured.


def read_history(registry: Path) -> list[Entry]:
    """Every whole line, the oldest first."""
    try:
        lines = (registry / HISTORY).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = [_read(line) for line in lines if line.strip()]
    if torn := found.count(None):
        log.warning("history_lines_passed_over", file=str(registry / HISTORY), lines=torn)
    return [entry for entry in found if entry is not None]


def append_entry(registry: Path, entry: Entry) -> None:
    """Add one line, and wait until it is on the disk; raises `OSError` where it cannot be."""
    line = json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
    with (registry / HISTORY).open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _read(line: str) -> Entry | None:
    try:
        values = json.loads(line)
        return Entry(**{**values, "reasons": tuple(values.get("reasons", ()))})
    except (ValueError, TypeError, AttributeError):
        return None
