"""Durations in Prometheus's notation: `90s`, `5m`, `1h30m`, `14d`, `2w`; and rates: `1 per week`, `0.5 per day`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_PART = re.compile(r"(\d+)(ms|s|m|h|d|w|y)")
_WHOLE = re.compile(r"(?:\d+(?:ms|s|m|h|d|w|y))+")
_RATE = re.compile(r"(\d+(?:\.\d+)?|one|once) ?(?:per|a|an|/) ?(hour|day|week|month|year)")
_A_WEEK = {"hour": 168.0, "day": 7.0, "week": 1.0, "month": 12 * 7 / 365.25, "year": 7 / 365.25}


def parse_duration(text: str | float | timedelta) -> timedelta:
    """Read a duration; a bare number is seconds. Raises `ValueError` with what is allowed."""
    if isinstance(text, timedelta):
        return text
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _seconds(text)
    if not isinstance(text, str) or not (text == "0" or _WHOLE.fullmatch(text)):
        raise ValueError(f"not a duration: {text!r}; write for example 30s, 5m, 1h30m, 14d")
    return _seconds(sum(int(n) * _UNITS_S[unit] for n, unit in _PART.findall(text)))


def _seconds(value: float) -> timedelta:
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError) as err:
        raise ValueError(f"not a duration: {value} seconds is no length of time that can be kept") from err


def format_duration(value: timedelta) -> str:
    """Write `value` in the same notation, largest units first; `0s` for nothing."""
    left_ms, parts = round(value.total_seconds() * 1000), []
    for unit in ("d", "h", "m", "s", "ms"):
        size_ms = round(_UNITS_S[unit] * 1000)
        count, left_ms = divmod(left_ms, size_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_rate(text: str | float) -> float:
    """Read a rate as events a week; a bare number is that already. Raises `ValueError` with what is allowed."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    found = _RATE.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"not a rate: {text!r}; write for example 1 per week, 0.5 per day, 2 per month")
    count = 1.0 if found[1] in ("one", "once") else float(found[1])
    return count * _A_WEEK[found[2]]


def format_rate(value: float) -> str:
    """Write a rate of `value` events a week in the same notation."""
    return f"{value:.12g} per week"


def rough_duration(value: timedelta) -> str:
    """As `format_duration`, but for people: seconds below a minute only, of days no minutes."""
    coarse = timedelta(hours=1) if value >= timedelta(days=1) else timedelta(minutes=1)
    return format_duration(value - value % (coarse if value >= coarse else timedelta(seconds=1)))
