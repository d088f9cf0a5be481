"""Checkpoints: the state of a run in one file, replaced whole, read back only by the run that wrote it.

They stand in the working folder of a run, never in an adapter folder, and are read as tensors and plain values alone.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from monitor.errors import ConfigurationError, PermanentError


class Checkpoint:
    """The file of one run."""

    def __init__(self, path: Path, *, fingerprint: str) -> None:
        """`fingerprint` tells data, settings and encoder; a file of another run is refused."""
        self._path = path
        self._fingerprint = fingerprint

    @property
    def folder(self) -> Path:
        """The working folder of the run."""
        return self._path.parent

    def save(self, state: dict[str, object]) -> None:
        """Write `state`; the old file stays until the new one is whole."""
        fresh = self._path.with_suffix(".fresh")
        try:
            torch.save({**state, "fingerprint": self._fingerprint}, fresh)
            fresh.replace(self._path)
        except (OSError, RuntimeError) as err:
            fresh.unlink(missing_ok=True)
            raise PermanentError(f"{self._path}: cannot write the checkpoint: {err}; make room and run again") from err

    def load(self) -> dict[str, Any] | None:
        """The last state, or None when there is none yet."""
        if not self._path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self._path, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as err:
            raise ConfigurationError(f"{self._path}: not a checkpoint that can be read; remove {self._path.parent} "
                                     "to start over") from err  # fmt: skip
        if state.get("fingerprint") != self._fingerprint:
            raise ConfigurationError(f"{self._path.parent}: an unfinished run with other data or settings; remove "
                                     "that folder, or run it to its end with its own settings")  # fmt: skip
        return state
