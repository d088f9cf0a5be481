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


def boundaries(after: datetime, until: datetime, length: timedelta) -> list[datetime]:
    """The slot boundaries later than `after`, up to and with `until`."""
    first = ceil_to(after + timedelta.resolution, length)
    return [first + n * length for n in range((until - first) // length + 1)]


def until_next(at: datetime, length: timedelta) -> timedelta:
    """From `at` to the next slot boundary.

    One that is less than a hundredth of `length` away counts as reached, for a timer may wake its thread early.
    """
    early = length / 100
    return length + early - (at + early - EPOCH) % length
