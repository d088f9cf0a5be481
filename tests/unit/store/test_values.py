"""Instants and text survive the way into a column and back."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitor.store.values import from_micros, from_micros_or_none, storable, to_micros, to_micros_or_none


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_survives_to_the_microsecond(at: datetime) -> None:
    """Seconds as a float would lose the last digits, and with them the order of two documents."""
    assert from_micros(to_micros(at)) == at


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_stored_instants_sort_as_instants_do(one: datetime, other: datetime) -> None:
    """Range scans rest on it, before 1970 too."""
    assert (to_micros(one) < to_micros(other)) == (one < other)


def test_no_instant_stays_none() -> None:
    """A source that was never polled."""
    assert to_micros_or_none(None) is None
    assert from_micros_or_none(None) is None


@given(st.text())
def test_any_text_becomes_storable_and_stays_so(text: str) -> None:
    """PostgreSQL refuses NUL, UTF-8 refuses lone surrogates; once replaced, a text is not changed again."""
    stored = storable(text)
    assert "\0" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored
    assert storable(stored) == stored


def test_ordinary_text_is_left_alone() -> None:
    """Chinese, emoji and quotes are ordinary."""
    text = "涨停 🚀 'x' \"y\" \\ %s"
    assert storable(text) == text
