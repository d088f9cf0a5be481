"""Texts made comparable, with the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.matchable import matchable


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("\u0410pple f\u0430lls", "Apple falls"),
        ("Te\u200dsla", "Tesla"),
        ("\uff21\uff21\uff30\uff2c", "AAPL"),
        ("Nestl\u00e9 \u2013 L\u2019Or\u00e9al", "Nestle - L'Oreal"),
        ("\u00d8rsted", "Orsted"),
        ("臺積電與騰訊", "台积电与腾讯"),
        ("plain-text `as is`", "plain-text `as is`"),
        ("see https://example.org/apple now", "see                           now"),
    ],
)
def test_spellings_of_one_name_meet(text: str, folded: str) -> None:
    """Disguises, accents, quotes, dashes and scripts are no other name; what a link says is not read."""
    assert matchable(text).text == folded


def test_places_lead_back_to_what_was_written() -> None:
    """A reader sees the text as it came, also where letters were dropped or became several."""
    text = "o\ufb03ce of Te\u200dsla"
    seen = matchable(text)
    start = seen.text.index("Tesla")
    assert seen.text == "office of Tesla"
    assert text[slice(*seen.span(start, start + 5))] == "Te\u200dsla"


@given(st.text())
def test_every_character_has_its_place(text: str) -> None:
    """A wrong place would show wrong words as evidence, or break on a hostile text."""
    seen = matchable(text)
    places = seen.origins if seen.origins is not None else range(len(text))
    assert len(places) == len(seen.text)
    assert list(places) == sorted(places)
