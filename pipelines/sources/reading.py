"""Read a file of documents from a position: JSON lines, gzipped or not, CSV, Parquet."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

MAX_LINE_BYTES = 8_000_000
KEPT_BYTES = 64_000  #: Of a longer line.
TABLES = frozenset({".csv", ".parquet"})


@dataclass(frozen=True, slots=True)
class Read:
    """One line or row."""

    data: bytes
    number: int  #: Of the line, or of the row below the header, from 1.
    position: int  #: After it: bytes, uncompressed, or rows.
    size: int  #: Bytes that it has in the file, where `data` is only its beginning.

    @property
    def whole(self) -> bool:
        """False for a line that is too long to be taken."""
        return self.size <= MAX_LINE_BYTES


def is_table(path: Path) -> bool:
    """True for a file with rows and columns; every other file holds JSON lines."""
    return path.suffix.lower() in TABLES


def read_from(path: Path, *, position: int = 0, number: int = 0, finished: bool) -> Iterator[Read]:
    """Lines or rows after `position`; a last line without its end only when `finished`, or when it is whole."""
    if is_table(path):
        yield from _rows(path, position)
        return
    is_packed = path.suffix.lower() == ".gz"
    with cast("BinaryIO", gzip.open(path, "rb") if is_packed else path.open("rb")) as file:
        file.seek(position)
        yield from read_lines(file, position=position, number=number, finished=finished or is_packed)


def read_lines(file: BinaryIO, *, position: int = 0, number: int = 0, finished: bool = True) -> Iterator[Read]:
    """Lines of a stream that stands at `position`, after line `number`; empty ones are passed over."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        size, ended = len(line), line.endswith(b"\n")
        if not ended and size > MAX_LINE_BYTES:
            left_out, ended = _skip_line(file)
            size += left_out
            line = line[:KEPT_BYTES]
        if not (ended or finished or _is_object(line)):
            return
        position, number = position + size, number + 1
        if line.strip():
            yield Read(line, number, position, size)


def _skip_line(file: BinaryIO) -> tuple[int, bool]:
    """Pass over the rest of a line; returns its bytes and whether it had an end."""
    size = 0
    while part := file.readline(MAX_LINE_BYTES):
        size += len(part)
        if part.endswith(b"\n"):
            return size, True
    return size, False


def _is_object(line: bytes) -> bool:
    """True for a whole JSON object: no beginning of one is itself one."""
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _rows(path: Path, position: int) -> Iterator[Read]:
    from pipelines.sources.tables import read_csv, read_parquet  # noqa: PLC0415 - pandas takes a second, few have tables

    rows = read_csv(path) if path.suffix.lower() == ".csv" else read_parquet(path)
    for number, data in enumerate(islice(rows, position, None), start=position + 1):
        yield Read(data, number, number, len(data))
