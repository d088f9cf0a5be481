"""Dates as web pages and sitemaps write them: ISO 8601 of any precision in, an instant out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)
_FIRST = {4: "-01-01", 7: "-01", 10: ""}  # What completes a date of so many characters.


def read_w3c_date(text: str) -> datetime | None:
    """An instant from a date of any precision; UTC where it names no zone; None when it is no date."""
    text = text.strip()
    if _DATE.fullmatch(text):
        text += _FIRST.get(len(text), "")
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
