"""How much a document is about an entity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.settings import WatchedEntity
from pipelines.entities import EntityLinker
from pipelines.links import LinkKind, Links, relevance

LINKER = EntityLinker(
    [WatchedEntity(ticker="KRV", name="Korvane"), WatchedEntity(ticker="QLM", name="Quillmark", aliases=("Quill",))]
)


def relevances(title: str, text: str = "") -> dict[str, float]:
    """By ticker."""
    return LINKER.find(title, text).relevances()


@pytest.mark.parametrize(
    "title", ["Korvane falls", "Shares fall as demand weakens at Korvane", "$KRV Korvane KRV Korvane"]
)
def test_a_headline_about_one_entity_alone_is_wholly_about_it(title: str) -> None:
    """Wherever in the headline the name stands, and however often."""
    assert relevances(title) == {"KRV": 1.0}
    assert relevances("", title) == {"KRV": 1.0}


def test_two_in_a_headline_share_it() -> None:
    """Neither is all of it; both stay well above a passing mention."""
    assert relevances("Korvane sues Quillmark") == {"KRV": 0.7071, "QLM": 0.7071}


def test_a_list_of_tickers_is_about_none_of_them() -> None:
    """The cashtags that nobody watches take their share too."""
    assert relevances("", "$KRV " + " ".join(f"$X{chr(65 + n)}" for n in range(19))) == {"KRV": 0.2236}


def test_the_title_weighs_more_than_the_text_and_the_beginning_more_than_the_end() -> None:
    """A company in the last paragraph is not what the news is about."""
    filler = "Nothing more was said on that day. " * 40
    ahead = relevances("Markets calm", f"Korvane slips. {filler}")["KRV"]
    behind = relevances("Markets calm", f"{filler} Korvane slips.")["KRV"]
    assert 1.0 > ahead > behind > 0.0
    assert relevances("Korvane calm", f"{filler} Korvane slips.")["KRV"] == 1.0


def test_a_title_repeated_at_the_head_of_the_text_counts_once() -> None:
    """Feeds do so; it would double the share of what the title names."""
    title = "Korvane falls"
    links = LINKER.find(title, f"{title} as Quillmark rises")
    assert [(link.ticker, link.in_title) for link in links.found] == [("KRV", True), ("QLM", False)]


@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_relevance_grows_with_prominence_and_share(one: float, other: float, share: float, more: float) -> None:
    """More of either never makes a document less about an entity, and it stays in [0, 1]."""
    low, high = sorted((one, other))
    small, large = sorted((share, more))
    assert 0.0 <= relevance(low, small) <= relevance(high, large) <= relevance(1.0, 1.0) == 1.0


def test_a_link_has_its_place_its_words_and_its_kind() -> None:
    """Evidence is shown by them, in the text as it came."""
    title, text = "Kor\u200dvane and QUILL", "Buy $krv: Quillmark"
    links = LINKER.find(title, text)
    assert [(link.ticker, link.kind, link.surface) for link in links.found] == [
        ("KRV", LinkKind.NAME, "Kor\u200dvane"),
        ("QLM", LinkKind.ALIAS, "QUILL"),
        ("KRV", LinkKind.CASHTAG, "$krv"),
        ("QLM", LinkKind.NAME, "Quillmark"),
    ]
    for link in links.found:
        assert (title if link.in_title else text)[link.start : link.end] == link.surface


def test_nothing_found_is_nothing() -> None:
    """Most texts name nobody."""
    assert LINKER.find("Markets calm", "").relevances() == {}
    assert LINKER.find("", "").tickers == frozenset()
    assert Links().relevances() == {}
