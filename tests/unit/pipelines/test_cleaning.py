"""What leaves the cleaner is plain, bounded and safe to show."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cleaning import clean

TEXTS = st.text(st.characters(), max_size=300) | st.text("a \u0301\u0344\u200d\u202e\ud800\x00\n&<>;b/é", max_size=120)
MARKUP = st.lists(st.sampled_from(["<p>", "</p>", "<b>", "&amp;", "&lt;", "x", " ", "<script>", "</script>", "&#0;"]))


@given(TEXTS, st.integers(1, 50))
def test_cleaning_what_is_clean_changes_nothing(text: str, limit: int) -> None:
    """Ids and stories are made from cleaned text: a second pass must not move them."""
    once = clean(text, limit=limit).text
    assert clean(once, limit=limit).text == once


@given(TEXTS | MARKUP.map("".join), st.booleans())
def test_no_control_surrogate_or_direction_character_survives(text: str, html: bool) -> None:
    """A headline must not reorder a terminal line, end a mail header or break an encoder."""
    result = clean(text, limit=200, html=html).text
    assert not [c for c in result if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or "\u202a" <= c <= "\u202e"]
    assert unicodedata.is_normalized("NFC", result)
    assert result == " ".join(result.split())
    result.encode()


@given(MARKUP.map("".join))
def test_text_from_html_is_clean_as_plain_text(markup: str) -> None:
    """HTML is read once: what it shows is text, whatever it looks like."""
    shown = clean(markup, limit=100, html=True).text
    assert clean(shown, limit=100).text == shown


@given(TEXTS, st.integers(1, 20))
def test_a_text_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    """The limit protects the bus and the model."""
    assert len(clean(text, limit=limit).text) <= limit


def test_html_shows_words_apart_and_drops_what_is_not_shown() -> None:
    """Words of two paragraphs do not grow together, those of one word in bold do; scripts are not text."""
    markup = (
        "<p>Ap<b>ple</b> &amp; AT&amp;T</p>fall<br>again<ul><li>one<li>two</ul><script>x()</script><style>p{}</style>"
    )
    assert clean(markup, limit=100, html=True).text == "Apple & AT&T fall again one two"


def test_plain_text_is_not_read_as_html() -> None:
    """`a < b` and a quoted tag are what a sender wrote."""
    assert clean("if a < b &amp; <b>c</b>", limit=100).text == "if a < b &amp; <b>c</b>"


def test_a_megabyte_is_cut_and_says_so() -> None:
    """A 1 MB text is taken, cut; a text at its limit is not called cut."""
    result = clean("word " * 200_000, limit=20_000)
    assert result.cut
    assert 19_990 < len(result.text) <= 20_000
    assert not clean("x" * 20_000, limit=20_000).cut


def test_a_cut_does_not_part_a_character_from_its_marks() -> None:
    """Half an emoji family or a letter without its accent would be another text."""
    assert clean("ab\U0001f468\u200d\U0001f469", limit=3).text == "ab"
    assert clean("abx\u0323\u0301", limit=3).text == "ab"


@pytest.mark.parametrize(
    "hostile", ["<div>" * 200_000, "\u0301\u0323" * 400_000, "&amp;" * 200_000, "<" * 900_000, "<!--" * 200_000]
)
def test_hostile_input_is_cleaned_in_time(hostile: str) -> None:
    """Nesting and combining marks cost the square of their number unless bounded: here 10 s and more."""
    started = time.process_time()
    clean(hostile, limit=20_000, html=True)
    assert time.process_time() - started < 2
