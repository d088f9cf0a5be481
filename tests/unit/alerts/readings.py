"""Builder of readings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alerts.readings import Reading


def reading(**changes: Any) -> Reading:
    """One series in a window of an hour, as a detector reads it."""
    values: dict[str, Any] = {
        "seen": 10, "stories": 12, "expected": 1.0, "dispersion": 2.0, "p_value": 1e-6,
        "window": timedelta(hours=1), "history": timedelta(days=30),
    }  # fmt: skip
    return Reading(**{**values, **changes})
