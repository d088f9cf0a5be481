"""Dates as APIs write them: text or a number in the notation that the settings name in, an instant out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.domain import EPOCH
from monitor.errors import InvalidRecordError

_UNITS = {"epoch_s": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
_SHOWN_CHARS = 60


def read_date(word: str, notation: str) -> datetime | str:
    """An instant; RFC 3339 stays text, which whoever builds the document reads more strictly than we would.

    Raises `InvalidRecordError`, naming what stood there.
    """
    if notation == "rfc3339":
        return word
    try:
        return _read(word, notation)
    except (ValueError, OverflowError) as err:
        detail = f"fields.published_at: {word[:_SHOWN_CHARS]!r} is no date in the notation {notation}"
        raise InvalidRecordError(detail, reason="bad_date") from err


def is_past(word: str, notation: str, *, now: datetime) -> bool:
    """True when `word` is an instant up to `now`, give or take a minute."""
    try:
        at = datetime.fromisoformat(word) if notation == "rfc3339" else _read(word, notation)
        return _aware(at) <= now + timedelta(minutes=1)
    except (ValueError, OverflowError):
        return False


def _read(word: str, notation: str) -> datetime:
    if unit := _UNITS.get(notation):
        return EPOCH + float(word) * unit
    return _aware(datetime.strptime(word, notation))  # noqa: DTZ007 - made aware around it


def _aware(at: datetime) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
