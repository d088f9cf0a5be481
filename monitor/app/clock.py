"""The clock of the daemon."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present, by the wall."""
    return datetime.now(UTC)
