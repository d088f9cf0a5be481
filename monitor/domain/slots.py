"""Slots of event time: whole numbers of a length, counted from 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor_to(at: datetime, length: timedelta) -> datetime:
    """The start of the slot of `length` that holds `at`."""
    return at - (at - EPOCH) % length


def ceil_to(at: datetime, length: timedelta) -> datetime:
    """The first slot boundary that is not before `at`."""
    return at + (EPOCH - at) % length
