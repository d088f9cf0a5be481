"""Copies are one story; different news are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
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
        "N\u043erdwind Airlines cuts outlook, shares fall -5%",
        "UPDATE 2-Nordwind Airlines cuts outlook, shares fall -5%",
        "CORRECTED-UPDATE 1-Nordwind Airlines cuts outlook, shares fall -5%",
        "\U0001f6a8 BREAKING: Nordwind Airlines cuts outlook, shares fall -5% (Reuters)",
        "NEW YORK, Nov 3 (Reuters) - Nordwind Airlines cuts outlook, shares fall -5%",
        "Nordwind Airlines cuts outlook, shares fall -5% - Reuters http://t.co/abc",
        "Nordwind Airlines cuts outlook, shares fall -5%... Read more",
        "Nordwind Airlines cuts outlook, shares fall -5% via @tape",
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


@pytest.mark.parametrize(
    "copy",
    [
        "\u5feb\u8a0a\uff1a\u5317\u6d0b\u822a\u7a7a\u4e0b\u8abf\u5168\u5e74\u9810\u671f",
        "【快讯】北洋航空下调全年预期",
        "财联社11月3日电,北洋航空下调全年预期(财联社)",
        "【北洋航空下调全年预期】新华社北京11月3日电 北洋航空下调全年预期。阅读全文",
    ],
)
def test_copies_of_a_chinese_headline_are_one_story(copy: str) -> None:
    """Agencies put their names in front, and half of the readers read traditional characters."""
    assert story_id(copy) == story_id("北洋航空下调全年预期")


@pytest.mark.parametrize(
    "text",
    [
        "News Corp beats estimates",
        "Update on the Nordwind merger",
        "Alert investors sell Nordwind",
        "Apple Reuters Bloomberg",
        "11月3日电影票房破亿",
    ],
)
def test_words_of_a_sentence_are_no_lead(text: str) -> None:
    """Only what a wire writes by its form is cut off."""
    assert normalise(text).replace(" ", "") == text.casefold().replace(" ", "")


def test_a_number_is_one_word() -> None:
    """Thousands are written with a comma and without."""
    assert normalise("Profit of $1,200.5 mln, -$3") == "profit of 1200.5 mln -3"


@settings(deadline=None)  # The first call reads the table of characters.
@given(st.lists(st.from_regex(r"[a-z0-9é]{1,8}", fullmatch=True), min_size=1))
def test_dressing_up_a_text_does_not_change_its_story(words: list[str]) -> None:
    """What a copier adds is the same for every text."""
    assert story_id("RT @x: " + ", ".join(words).upper() + "! http://t.co/x") == story_id(" ".join(words))


@settings(deadline=None)
@given(st.text(st.characters()))
def test_every_text_has_a_key(text: str) -> None:
    """A lone surrogate or nothing at all must not stop the stream."""
    assert len(story_id(text)) == 32
