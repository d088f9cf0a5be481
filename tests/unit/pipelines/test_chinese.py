"""Chinese folded for matching."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.chinese import simplified


def test_traditional_and_simplified_spellings_meet() -> None:
    """Taipei and Shanghai write one company in two ways."""
    assert simplified("臺積電與騰訊") == simplified("台积电与腾讯") == "台积电与腾讯"


@given(st.text(st.one_of(st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF), st.characters())))
def test_positions_stay_and_folding_twice_is_folding_once(text: str) -> None:
    """Offsets found in the folded text are offsets in what was written."""
    folded = simplified(text)
    assert len(folded) == len(text)
    assert simplified(folded) == folded
