"""What the tokeniser sees of a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.text import prepare


def test_links_change_nothing() -> None:
    """A link tells nothing about the market, and costs the tokeniser a dozen pieces."""
    assert prepare("Acme falls https://t.co/aB3xYz9 \n today", max_chars=100) == "Acme falls today"
    assert prepare("see www.example.com/x?y=1 now", max_chars=100) == "see now"


def test_entities_are_resolved() -> None:
    """Posts come with HTML entities; `&amp;` is not a word."""
    assert prepare("S&amp;P 500 &gt; 4000", max_chars=100) == "S&P 500 > 4000"


@given(text=st.text(max_size=500), max_chars=st.integers(min_value=1, max_value=100))
def test_no_more_than_the_limit_is_kept(text: str, max_chars: int) -> None:
    """A megabyte of text must not cost a megabyte of tokenising."""
    assert len(prepare(text, max_chars=max_chars)) <= max_chars
