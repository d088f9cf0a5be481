"""Read tables: a CSV or Parquet file in, one submission a row out, as the JSON that a sender would have written.

An empty field is a missing one; several tickers in one field are separated by `|`. A row with too many fields is
handed on as it is, to be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.errors import TransientError

ROWS = 500  #: Read at once.
_encode = msgspec.json.Encoder(enc_hook=str).encode


def read_csv(path: Path) -> Iterator[bytes]:
    """Rows of a CSV file with a header, in order."""
    surplus: list[list[str]] = []
    try:
        with pd.read_csv(
            path,
            chunksize=ROWS,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            encoding_errors="replace",
            engine="python",
            on_bad_lines=surplus.append,
        ) as chunks:
            for chunk in chunks:
                yield from (_encode(_row(row)) for row in chunk.to_dict("records"))
                yield from (_encode(row) for row in surplus)
                surplus.clear()
    except pd.errors.EmptyDataError:
        return
    except pd.errors.ParserError as err:
        raise TransientError(f"{path}: not CSV: {err}") from err


def read_parquet(path: Path) -> Iterator[bytes]:
    """Rows of a Parquet file, in order."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                yield from (_encode(_row(row)) for row in batch.to_pylist())
    except pa.ArrowInvalid as err:
        # It may be in the middle of being written; a file that stays wrong shows in the source's failures.
        raise TransientError(f"{path}: not a whole Parquet file: {err}") from err


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _value(str(key), value) for key, value in row.items() if _is_given(value)}


def _is_given(value: object) -> bool:
    # NaN, which pandas puts where a row is too short, is the value that differs from itself.
    return value is not None and value != "" and value == value  # noqa: PLR0124


def _value(key: str, value: object) -> object:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if key == "entities" and isinstance(value, str):
        return [part.strip() for part in value.split("|") if part.strip()]
    if key == "id" and isinstance(value, int):
        return str(value)
    return value
