"""The row that a baseline keeps of one series, and its JSON form, which gives it back exactly."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.domain import SeriesKey

WEEK_H = 168
VERSION = 1  #: Of the JSON form; another one is learned anew from the history.
NEVER_SEEN = SeriesKey(entity="", topic="", source_class="")
"""Stands for every series that never had a negative story."""

NUMBERS = ("stories", "exposure", "squares", "means")
HOURS = ("since", "until", "hours")
ARRAYS = ("slot_stories", "slot_hours", "residuals")


def row_type(window_h: int) -> np.dtype[np.void]:
    """The fields of a row for windows of `window_h` hours."""
    return np.dtype(
        [
            ("since", "<i8"),  # hour since 1970 at which the history begins
            ("until", "<i8"),  # hours before this are learned
            ("hours", "<i8"),  # hours learned, without those skipped
            ("stories", "<f8"),  # weighted negative stories
            ("exposure", "<f8"),  # weighted hours, each counted by its profile factor
            ("squares", "<f8"),  # weighted squared residuals of windows, by hour
            ("means", "<f8"),  # weighted expected counts that belong to them
            ("slot_stories", "<f8", (WEEK_H,)),  # weighted negative stories by hour of the week
            ("slot_hours", "<f8", (WEEK_H,)),  # weighted hours likewise
            ("residuals", "<f8", (window_h,)),  # the latest hourly residuals, a ring
        ]
    )


def blank(window_h: int, *, since_h: int) -> npt.NDArray[np.void]:
    """One row that has learned nothing yet."""
    row = np.zeros(1, dtype=row_type(window_h))
    row["since"] = row["until"] = since_h
    return row


def to_json(row: np.void) -> dict[str, object]:
    """The row as JSON values."""
    state: dict[str, object] = {"version": VERSION}
    state.update({name: int(row[name]) for name in HOURS})
    state.update({name: float(row[name]) for name in NUMBERS})
    state.update({name: _pack(row[name]) for name in ARRAYS})
    return state


def from_json(state: Mapping[str, object], window_h: int) -> npt.NDArray[np.void]:
    """One row, exactly as `to_json` was given it; raises `ValueError` when it is not one."""
    if state.get("version") != VERSION:
        raise ValueError(f"baseline state of version {state.get('version')}")
    row = np.zeros(1, dtype=row_type(window_h))
    try:
        for name in HOURS + NUMBERS:
            row[name] = state[name]
        for name in ARRAYS:
            row[name][0] = _unpack(state[name], row[name].shape[1])
    except (KeyError, TypeError, ValueError, zlib.error) as err:
        raise ValueError(f"not a baseline state: {err}") from err
    return row


def _pack(values: npt.NDArray[np.float64]) -> str:
    return base64.b64encode(zlib.compress(values.astype("<f8").tobytes(), 1)).decode("ascii")


def _unpack(text: object, length: int) -> npt.NDArray[np.float64]:
    values = np.frombuffer(zlib.decompress(base64.b64decode(str(text))), dtype="<f8")
    if len(values) != length:
        raise ValueError(f"{len(values)} values where {length} are wanted")
    return values
