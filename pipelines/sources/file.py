"""A file as a source: JSON lines (also gzipped), CSV or Parquet in, raw items out, from where the last poll ended.

A last line without its end waits for the next poll, unless it already is a whole JSON object. A file that was replaced
or became shorter is read from its start; ids seen before are dropped by ingest. What was appended between the last poll
and a rotation is lost: poll more often than that, or let the writer begin a new file. A table has no such sign of a
half-written end: write it elsewhere and rename it into place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from monitor.errors import InvalidRecordError, TransientError
from monitor.ports import SourceState
from monitor.settings import FileSource as FileSettings
from pipelines.sources.base import Chunk, RawItem
from pipelines.sources.reading import MAX_LINE_BYTES, Read, is_table, read_from, read_lines
from pipelines.sources.submission import Defaults, read_submission, refused

CHUNK = 500
_HEAD_BYTES = 256


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where reading goes on, and how to tell that it still is the same file."""

    inode: int
    head: str = ""  #: Hash of the first `head_bytes`.
    head_bytes: int = 0
    position: int = 0  #: Bytes of JSON lines, uncompressed, or rows of a table.
    number: int = 0  #: Of the last line or row, for messages.
    stamp: str = ""  #: Size and time of change of the file when it was read to its end.


class FileSource:
    """One configured file."""

    def __init__(self, settings: FileSettings) -> None:
        self._path = settings.path
        self._name = settings.name
        self._defaults = Defaults(origin=settings.name, source=settings.name, source_class=settings.source_class)

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self._name

    def poll(self, state: SourceState, *, now: datetime) -> Iterator[Chunk]:
        """Read what is new; raises `TransientError` while the file is not there or cannot be read."""
        del now  # a file has no clock: its documents carry their own dates
        try:
            yield from self._chunks(state)
        except (OSError, EOFError, zlib.error) as err:
            raise _unreadable(self._path, err) from err

    def _chunks(self, state: SourceState) -> Iterator[Chunk]:
        _require_file(self._path)
        stamp = _stamp(self._path)
        cursor = _resumed(self._path, state.cursor)
        if cursor.stamp == stamp:
            yield Chunk(items=(), state=state, changed=False)
            return
        found = read_from(self._path, position=cursor.position, number=cursor.number, finished=False)
        while batch := list(islice(found, CHUNK)):
            cursor = _advanced(self._path, cursor, batch[-1])
            items = [_to_item(read, self._path.name, self._defaults) for read in batch]
            yield Chunk(items=items, state=_remember(state, cursor))
        # The stamp is older than the reading: what was appended meanwhile shows as a change.
        yield Chunk(items=(), state=_remember(state, msgspec.structs.replace(cursor, stamp=stamp)), changed=False)


def read_documents(path: Path, *, source: str = "replay") -> Iterator[RawItem]:
    """Every document of a file, in order; raises `TransientError` when it cannot be read.

    `source` names the documents that name no source, and labels the metrics of all.
    """
    try:
        _require_file(path)
        for read in read_from(path, finished=True):
            yield _to_item(read, path.name, Defaults(origin=source, source=source))
    except (OSError, EOFError, zlib.error) as err:
        raise _unreadable(path, err) from err


def read_stream(stream: BinaryIO, *, name: str = "<stdin>", source: str = "replay") -> Iterator[RawItem]:
    """Every document of a stream of JSON lines, as they come."""
    for read in read_lines(stream):
        yield _to_item(read, name, Defaults(origin=source, source=source))


def _to_item(read: Read, name: str, defaults: Defaults) -> RawItem:
    where = f"{name}, line {read.number}"
    if read.whole:
        return read_submission(read.data.rstrip(b"\r\n"), defaults=defaults, where=where)
    detail = f"{read.size} bytes; at most {MAX_LINE_BYTES} in a line"
    return refused(read.data, InvalidRecordError(detail, reason="too_large"), defaults=defaults, where=where)


def _resumed(path: Path, written: str | None) -> Cursor:
    """The cursor of the last poll if this still is that file, else one at its start."""
    fresh = Cursor(inode=path.stat().st_ino)
    if written is None:
        return fresh
    try:
        cursor = msgspec.json.decode(written, type=Cursor)
    except msgspec.DecodeError:
        return fresh  # of another version: what is read again is dropped by its ids
    same = cursor.inode == fresh.inode and _head(path, cursor.head_bytes) == cursor.head
    return cursor if same and not _shrunk(path, cursor) else fresh


def _advanced(path: Path, cursor: Cursor, last: Read) -> Cursor:
    head_bytes = min(_HEAD_BYTES, path.stat().st_size)
    if _counts_bytes(path):
        head_bytes = min(head_bytes, last.position)  # beyond, it may still be written
    head = _head(path, head_bytes)
    return msgspec.structs.replace(
        cursor, head=head, head_bytes=head_bytes, position=last.position, number=last.number, stamp=""
    )


def _head(path: Path, size: int) -> str:
    if path.suffix.lower() == ".parquet":
        return _stamp(path)  # written as a whole, and all begin alike
    with path.open("rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest() if size else ""


def _shrunk(path: Path, cursor: Cursor) -> bool:
    return _counts_bytes(path) and path.stat().st_size < cursor.position


def _counts_bytes(path: Path) -> bool:
    """True where a position is one in the file as it lies there."""
    return not is_table(path) and path.suffix.lower() != ".gz"


def _stamp(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}:{found.st_mtime_ns}"


def _remember(state: SourceState, cursor: Cursor) -> SourceState:
    return dataclasses.replace(state, cursor=msgspec.json.encode(cursor).decode())


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise TransientError(f"{path}: no such file")


def _unreadable(path: Path, err: Exception) -> TransientError:
    reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
    return TransientError(f"cannot read {path}: {reason}")
