"""What a rule has learned, as JSON values that give it back exactly."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping

import numpy as np

from alerts.detection import Floats
from monitor.domain import SeriesKey

VERSION = 2  #: Of the JSON form; another one is learned anew from the history.
NEVER_SEEN = SeriesKey(entity="", topic="", source_class="")
"""The state of a rule is kept in one piece, under this series."""

Arrays = Mapping[str, Floats]


def to_json(arrays: Arrays) -> dict[str, object]:
    """The arrays as JSON values."""
    packed = {name: base64.b64encode(zlib.compress(_bytes(a), 1)).decode("ascii") for name, a in arrays.items()}
    return {"version": VERSION, **packed}


def into(state: Mapping[str, object], arrays: Arrays) -> None:
    """Fill `arrays` with what `to_json` was given; raises `ValueError` when it does not fit, and changes nothing."""
    if state.get("version") != VERSION:
        raise ValueError(f"baseline state of version {state.get('version')}")
    found = {name: _unpacked(state.get(name), name, array.size) for name, array in arrays.items()}
    for name, array in arrays.items():
        array[...] = found[name].reshape(array.shape)


def _bytes(array: Floats) -> bytes:
    return np.ascontiguousarray(array, dtype="<f8").tobytes()


def _unpacked(text: object, name: str, size: int) -> Floats:
    try:
        values = np.frombuffer(zlib.decompress(base64.b64decode(str(text))), dtype="<f8")
    except (TypeError, ValueError, zlib.error) as err:
        raise ValueError(f"not a baseline state: {name}: {err}") from err
    if values.size != size:
        raise ValueError(f"not the baseline state of this rule: {name} has {values.size} values, not {size}")
    return values
