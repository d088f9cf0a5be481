"""Versions of tapewatch and of what it stands on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

STANDS_ON = ("torch", "transformers", "kafka-python", "SQLAlchemy", "pandas", "prometheus-client", "APScheduler")


def versions() -> dict[str, str]:
    """Distribution names to versions; what is not installed is `missing`."""
    return {"tapewatch": _version("tapewatch"), "python": platform.python_version()} | {
        name: _version(name) for name in STANDS_ON
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
