"""What makes two texts one story, and what makes them two."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stories import BANDS, Facts, Likeness, Sketch, StoryText, compare, sketches

FIRST_KEYS = [10193724214671947059, 7075574641882606491]
LEAD = (
    "Nordwind Airlines cut its outlook on Tuesday, citing weaker demand and higher fuel costs, and its shares fell "
    "5.2% in early trading. Chief executive Anna Holm said bookings for the autumn were below last year's level."
)


def _sketch(text: str, *, title: str = "", entities: tuple[str, ...] = ()) -> Sketch:
    return sketches([StoryText(content=f"{title}\n{text}", title=title, entities=entities)])[0]


def _compared(a: str, b: str) -> Likeness:
    return compare(_sketch(a), _sketch(b))


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("Nordwind cuts full-year outlook as demand weakens", "Nordwind trims full-year outlook as demand weakens"),
        ("Nordwind cuts full-year outlook as demand weakens", "nordwind cuts full-year outlook as demand weakns"),
        ("Nordwind cuts full-year outlook as demand weakens", "Nordwind cuts full-year outlook as dem…"),
        ("Nordwind cuts outlook as demand weakens", "so it begins: Nordwind cuts outlook as demand weakens"),
        ("北洋航空下调全年业绩预期 股价大跌", "快訊:北洋航空調低全年業績預期 股價大跌"),
        ("华信矿业公告董事长辞职", "华信矿业披露董事长辞职"),
    ],
)
def test_a_copy_with_an_edited_word_or_a_cut_end_reads_alike(text: str, copy: str) -> None:
    """Its label is the label of what it copies."""
    assert _compared(text, copy) is Likeness.SAME_TEXT


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Acme Corp declares quarterly dividend", "Borlo Inc declares quarterly dividend"),
        ("Acme Corp Declares Quarterly Dividend", "Borlo Inc Declares Quarterly Dividend"),
        ("Acme Corp declares regular quarterly dividend", "Acme Inc declares regular quarterly dividend"),
        ("ACME DECLARES REGULAR QUARTERLY DIVIDEND", "BORLO DECLARES REGULAR QUARTERLY DIVIDEND"),
        ("acme declares a regular quarterly dividend", "borlo declares a regular quarterly dividend"),
        ("Trading in shares of Acme Foods halted pending news", "Trading in shares of Acme Steel halted pending news"),
        ("Regulator opens probe into accounts of Acme", "Regulator opens probe into accounts of Borlo Systems"),
        ("Velora says the merger talks go on as planned", "Velona says the merger talks go on as planned"),
        (
            "Nordwind shares rise after the results of the quarter",
            "Nordwind shares fall after the results of the quarter",
        ),
        ("Nordwind beats estimates for the quarter on cargo", "Nordwind misses estimates for the quarter on cargo"),
        ("Nordwind will buy the airport it rents in Lyon", "Nordwind will not buy the airport it rents in Lyon"),
        ("Nordwind profit for the year up 5% on cargo demand", "Nordwind profit for the year up 55% on cargo demand"),
        ("Nordwind reports second quarter results after close", "Nordwind reports third quarter results after close"),
        ("Our picks gained this week, see the next one $ACME", "Our picks gained this week, see the next one $BORL"),
        ("华信股份董事长因个人原因辞职", "华新股份董事长因个人原因辞职"),
        ("监管部门对华信股份立案调查", "监管部门对中磐科技立案调查"),
        ("海陵证券上调华信股份目标价", "海陵证券下调华信股份目标价"),
        ("$ACME $BORL $XYZ", "$ACME $BORL $XYZ look at this"),
        ("Shares fall", "Shares fall on weak data from the factories"),
    ],
)
def test_another_name_number_or_direction_is_another_story(text: str, other: str) -> None:
    """News differ in little else: everyone announces in the same words."""
    assert _compared(text, other) is Likeness.DIFFERENT


def test_an_article_is_the_story_of_its_headline_and_reads_differently() -> None:
    """The model reads more in it."""
    headline = "Nordwind cuts outlook as demand weakens"
    assert compare(_sketch(headline), _sketch(LEAD, title=headline)) is Likeness.SAME_STORY
    assert compare(_sketch(headline), _sketch("", title=headline)) is Likeness.SAME_TEXT


def test_linked_entities_must_agree() -> None:
    """The linker knows names that no text shows to be one; a copy may name fewer."""
    both, other = _sketch(LEAD, entities=("A", "B")), _sketch(LEAD, entities=("C",))
    cut = _sketch(LEAD[:150], entities=("A",))
    assert compare(cut, both) is not Likeness.DIFFERENT
    assert compare(cut, other) is Likeness.DIFFERENT


def test_a_copy_of_a_long_text_is_found_by_its_beginning() -> None:
    """Little of all its words is left, so that MinHash alone would not find it."""
    whole, cut = _sketch(LEAD * 3), _sketch(LEAD[:70])
    assert set(whole.bands.tolist()) & set(cut.bands.tolist())
    assert compare(whole, cut) is Likeness.SAME_STORY


def test_a_row_of_the_database_compares_as_the_sketch_did() -> None:
    """The index is rebuilt from rows: text, digest, keys and facts as JSON."""
    a, b = _sketch(LEAD), _sketch(LEAD.replace("weaker", "softer"))
    facts = msgspec.json.decode(msgspec.json.encode(b.facts), type=Facts)
    assert facts == b.facts
    assert compare(a, Sketch(text=b.text, digest=b.digest, bands=b.bands, facts=facts)) is Likeness.SAME_TEXT


def test_keys_are_the_same_in_every_process_and_batch() -> None:
    """They are stored: another seed or order would lose every story at a restart."""
    alone = _sketch("Nordwind cuts outlook as demand weakens")
    texts = [
        StoryText(content=text) for text in ("", "another", "\nNordwind cuts outlook as demand weakens", "北洋航空")
    ]
    assert sketches(texts)[2].bands.tolist() == alone.bands.tolist()
    assert len(alone.bands) == BANDS
    assert alone.bands[:2].tolist() == FIRST_KEYS


def test_texts_without_words_share_no_key() -> None:
    """Bare links are no copies of one another."""
    a, b = _sketch("http://t.co/a"), _sketch("http://t.co/b")
    assert not set(a.bands.tolist()) & set(b.bands.tolist())
    assert compare(a, b) is Likeness.DIFFERENT


def test_hostile_texts_take_no_longer_than_their_length() -> None:
    """Rows of mentions, links, dots and signs must not hold up the stream."""
    rows = ["@a " * 20000, "..http://" * 20000 + " x", "." * 60000, "((((" * 15000, "RT @a: " * 9000, "- " * 30000,
            "1," * 30000, "..." + " " * 60000 + "x", "A" * 60000, "跌" * 30000, "\u200b" * 60000,
            "@a $" * 20000]  # fmt: skip
    found = sketches([StoryText(content=f"\n{row}") for row in rows])
    assert all(compare(a, b) in Likeness for a in found for b in found)


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), min_size=2, max_size=2))
def test_comparing_is_the_same_in_either_order(texts: list[str]) -> None:
    """What arrives first is chance."""
    a, b = sketches([StoryText(content=text) for text in texts])
    assert compare(a, b) is compare(b, a)
    assert compare(a, a) is Likeness.SAME_TEXT
