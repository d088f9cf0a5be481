"""Entities are found by the words that name them, and by nothing else."""

from __future__ import annotations

import pytest

from models.mentions import places, token_spans


@pytest.mark.parametrize(
    ("text", "surface", "found"),
    [
        ("Apple sues apple growers", "Apple", ["Apple", "apple"]),  # long enough not to be told by its case
        ("IT leads, it lags", "IT", ["IT"]),  # short: a word would match a ticker
        ("Pineapple is no Apple", "Apple", ["Apple"]),
        ("$AAPL up, AAPLX down", "$AAPL", ["$AAPL"]),
        ("BE$T of $T", "$T", ["$T"]),
        ("AT&T's loss; AT&T", "AT&T", ["AT&T", "AT&T"]),
        ("远岚科技涉嫌违规", "远岚科技", ["远岚科技"]),
        ("收购TSLA股份", "TSLA", ["TSLA"]),
        ("nothing here", "Apple", []),
        ("", "Apple", []),
        ("Apple", "", []),
    ],
)
def test_a_surface_is_found_as_a_word(text: str, surface: str, found: list[str]) -> None:
    """A wrong place would give one company the news of another."""
    assert [text[start:end] for start, end in places(text, surface)] == found


def test_all_places_of_all_surfaces_count() -> None:
    """A company named twice, by name and by cashtag, is one entity with all of these tokens."""
    text = "Apple falls: $AAPL"
    offsets = [(0, 0), (0, 5), (6, 11), (11, 12), (13, 14), (14, 18), (0, 0)]
    assert token_spans(text, offsets, [["Apple", "$AAPL"], ["Globex"]]) == ((1, 4, 5), ())


def test_letters_that_grow_in_lower_case_shift_nothing() -> None:
    """The dotted capital I of Turkish becomes two characters; offsets must stay those of the text."""
    text = "\u0130\u0130 Garanti falls"
    assert [text[start:end] for start, end in places(text, "GARANTI")] == ["Garanti"]
