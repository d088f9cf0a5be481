"""Copies are one story; different news are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stories import normalise, story_id

WIRE = "Nordwind Airlines cuts outlook, shares fall -5%"


@pytest.mark.parametrize(
    "copy",
    [
        "NORDWIND AIRLINES CUTS OUTLOOK; SHARES FALL -5%!",
        "RT @tape: Nordwind Airlines cuts outlook, shares fall -5% http://t.co/abc",
        "RT @a: RT @b: Nordwind   Airlines cuts outlook, shares fall \u22125%",
        "Nord\u200bwind Airlines cuts outlook \u2013 shares fall -5% https://x.example/1?a=b",
        "\uff2eordwind Airlines cuts outlook, shares fall -5%",
    ],
)
def test_copies_of_a_headline_are_one_story(copy: str) -> None:
    """Case, punctuation, links, a retweet's prefix and look-alike forms do not make news."""
    assert story_id(copy) == story_id(WIRE)


@pytest.mark.parametrize("other", ["Nordwind Airlines cuts outlook, shares fall +5%", "Nordwind Airlines cuts outlook"])
def test_different_news_are_different_stories(other: str) -> None:
    """A sign turns the news round."""
    assert story_id(other) != story_id(WIRE)


def test_texts_without_words_do_not_become_one_story() -> None:
    """Two bare links fold to nothing, and are two posts all the same."""
    assert normalise("http://t.co/a") == ""
    assert story_id("http://t.co/a") != story_id("http://t.co/b")


@given(st.lists(st.from_regex(r"[a-z0-9é]{1,8}", fullmatch=True), min_size=1))
def test_dressing_up_a_text_does_not_change_its_story(words: list[str]) -> None:
    """What a copier adds is the same for every text."""
    assert story_id("RT @x: " + ", ".join(words).upper() + "! http://t.co/x") == story_id(" ".join(words))


@given(st.text(st.characters()))
def test_every_text_has_a_key(text: str) -> None:
    """A lone surrogate or nothing at all must not stop the stream."""
    assert len(story_id(text)) == 32
