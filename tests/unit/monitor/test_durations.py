"""Durations in Prometheus's notation, both ways."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.durations import format_duration, parse_duration, rough_duration


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("14d", timedelta(days=14)),
        ("2w", timedelta(weeks=2)),
        ("1y", timedelta(days=365)),
        ("250ms", timedelta(milliseconds=250)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
        (30, timedelta(seconds=30)),
        (0.5, timedelta(milliseconds=500)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_duration_is_read_as_prometheus_reads_it(text: object, value: timedelta) -> None:
    """`m` is a minute here, `ms` a millisecond; a bare number is seconds."""
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5m", "5min", "1.5h", "5M", "soon", True, None, [], {}])
def test_what_is_no_duration_is_refused_with_what_is(text: object) -> None:
    """The message must show how to write one."""
    with pytest.raises(ValueError, match="write for example 30s, 5m"):
        parse_duration(text)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e30, "99999999999999y"])
def test_a_length_that_cannot_be_kept_is_refused_too(value: object) -> None:
    """It came out as an OverflowError, which no caller expects."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(value)


@given(st.integers(min_value=0, max_value=10**12))
def test_written_duration_reads_back_the_same(milliseconds: int) -> None:
    """What `check-config --print` shows can be pasted back."""
    value = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(value)) == value


def test_largest_units_come_first() -> None:
    """People read 1d12h faster than 129600s."""
    assert format_duration(timedelta(hours=36)) == "1d12h"
    assert format_duration(timedelta(0)) == "0s"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.6, "59s"), (60, "1m"), (3725, "1h2m"), (90000, "1d1h"), (172800 + 3599, "2d")]
)
def test_a_rough_duration_leaves_out_what_nobody_asks_for(seconds: float, text: str) -> None:
    """Tables and reasons are read by people."""
    assert rough_duration(timedelta(seconds=seconds)) == text
