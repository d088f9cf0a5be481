"""Values in and out of columns: instants, text and JSON. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from monitor.domain import EPOCH

_T = TypeVar("_T")
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Whole microseconds since 1970; exact, unlike `timestamp()`."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant, UTC."""
    return EPOCH + timedelta(microseconds=micros)


def to_micros_or_none(at: datetime | None) -> int | None:
    """As `to_micros`; None stays None."""
    return None if at is None else to_micros(at)


def from_micros_or_none(micros: int | None) -> datetime | None:
    """As `from_micros`; None stays None."""
    return None if micros is None else from_micros(micros)


def storable(text: str) -> str:
    """`text` without the two things that PostgreSQL refuses, NUL and lone surrogates, replaced one for one.

    Cleaning takes them out long before; one record that got past it must not stop the aggregator for ever.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def storable_or_none(text: str | None) -> str | None:
    """As `storable`; None stays None."""
    return None if text is None else storable(text)


def to_json(value: object) -> str:
    """`value` (a domain value or JSON types) as JSON text."""
    return msgspec.json.encode(value).decode("utf-8")


def from_json(text: str, kind: type[_T]) -> _T:
    """The domain value that `to_json` wrote."""
    return msgspec.json.decode(text, type=kind)


def from_json_object(text: str) -> dict[str, Any]:
    """A JSON object of no fixed shape."""
    return msgspec.json.decode(text, type=dict[str, Any])
