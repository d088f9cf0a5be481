"""Which rows of a test set the model was trained on: digests of texts in a small file beside the adapter.

A text is known by the first eight bytes of the SHA-256 of its words in lower case, without links, so that the file
gives no text away and a repeat with another link or another punctuation is still found. The file holds them sorted,
each once, big-endian. Every text that had a say counts: those of the training rows, of the development rows that chose
the epoch and the calibration, and those of the model that this one was adapted from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training.rows import repeat_key
from monitor.errors import ArtifactError

TRAINING_KEYS = "training_rows.keys"  #: In an adapter folder; listed among the files of its manifest.

_BYTES = 8
_STORED = np.dtype(">u8")

Keys = NDArray[np.uint64]


def keys_of(texts: Sequence[str]) -> Keys:
    """One key a text, in order; 0 for a text without a word, which repeats nothing."""
    return np.fromiter((_key(text) for text in texts), dtype=np.uint64, count=len(texts))


def write_keys(path: Path, texts: Iterable[str], *, known: Keys | None = None) -> None:
    """Write the keys of `texts`, and those of a parent where it has `known` ones, to `path`."""
    found = keys_of(tuple(texts))
    every = np.unique(found if known is None else np.concatenate([found, known]))
    path.write_bytes(every[every != 0].astype(_STORED).tobytes())


def read_keys(path: Path) -> Keys:
    """The keys in `path`, sorted; a file that is not one of these is an `ArtifactError`."""
    try:
        stored = path.read_bytes()
    except OSError as err:
        raise ArtifactError(f"{path}: cannot be read: {err.strerror}; get the adapter again") from err
    if len(stored) % _BYTES:
        raise ArtifactError(f"{path}: {len(stored)} bytes are no list of keys of {_BYTES} bytes; get the adapter again")
    keys = np.frombuffer(stored, dtype=_STORED).astype(np.uint64)
    if np.any(keys[1:] <= keys[:-1]):
        raise ArtifactError(f"{path}: the keys are not in order; get the adapter again")
    return keys


def overlap(path: Path, texts: Sequence[str]) -> list[int]:
    """Positions in `texts` of those whose key stands in the file `path`."""
    return np.flatnonzero(np.isin(keys_of(texts), read_keys(path))).tolist()


def _key(text: str) -> int:
    words = repeat_key(text)
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:_BYTES], "big") if words else 0
