"""Folding: disguises go, real words of other scripts stay."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.folding import LOOKALIKES, fold

ALPHABET = st.sampled_from(
    [*"aTesl \u200b\ufe0f\u0430\u0435\u0421\u0416\u03b1\u03a9\uff21\u5e02\U0001d41a", *LOOKALIKES]
)


def test_plain_text_is_the_same_object() -> None:
    """Nearly every text is plain; it must cost nothing."""
    for text in ("Shares of Acme fell 5%", "Société Générale: 5 \u20ac", "\u80a1\u4ef7\u4e0a\u6da8"):
        assert fold(text) is text


@pytest.mark.parametrize(
    "invisible", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\ufe0f", "\U000e0041"]
)
def test_invisible_characters_go(invisible: str) -> None:
    """They split a word for the tokeniser, and for nobody else."""
    assert fold(f"fr{invisible}aud") == "fraud"


@pytest.mark.parametrize(
    ("dressed", "plain"),
    [
        ("\uff26\uff52\uff41\uff55\uff44", "Fraud"),  # full width
        ("\U0001d41f\U0001d42b\U0001d41a\U0001d42e\U0001d41d", "fraud"),  # mathematical bold
        ("\ufb01ne", "fine"),  # ligature
        ("\u24bb\u24e1\u24d0\u24e4\u24d3", "Fraud"),  # in circles
        ("\U0001f175\U0001f181aud", "FRaud"),  # on black squares
        ("\ua730\u0280\u1d00\u1d1c\u1d05", "fraud"),  # small capitals
        ("\uff15\uff0e\uff12\uff05", "5.2%"),
        ("Phase \u2162", "Phase III"),
    ],
)
def test_letters_in_another_dress_become_plain(dressed: str, plain: str) -> None:
    """The vocabulary knows the plain ones alone."""
    assert fold(dressed) == plain


@pytest.mark.parametrize(
    "meant",
    [
        "\u00bd",
        "\u00b2",
        "\u2122",
        "\u2116 5",
        "\u33a1",
        "\u2460",
        "股价\uff0c上涨\u3002",
        "\U0001f1fa\U0001f1f8",
        "\u2026",
    ],
)
def test_signs_that_are_no_letters_stay(meant: str) -> None:
    """Fractions, powers, units, flags and Chinese punctuation mean what they are."""
    assert fold(meant) == meant


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("shares of T\u0435sl\u0430 cr\u0430sh", "shares of Tesla crash"),  # Cyrillic
        ("pr\u03bffit", "profit"),  # Greek
        ("pr\u0585fit", "profit"),  # Armenian
        ("\u13aapple falls", "Apple falls"),  # Cherokee
    ],
)
def test_lookalikes_in_a_latin_word_become_latin(disguised: str, plain: str) -> None:
    """A word of two scripts is a disguise."""
    assert fold(disguised) == plain


def test_a_word_of_perfect_lookalikes_folds_in_a_latin_text() -> None:
    """With every letter replaced no script is mixed; the rest of the text tells."""
    assert fold("The \u0441\u043e\u0440\u0443 of the report was leaked") == "The copy of the report was leaked"


@pytest.mark.parametrize(
    "real",
    [
        "Сбербанк растет на новостях",
        "в России сор о ценах on oil and gas exports",  # the second word is all look-alikes
        "Αθήνα το χρηματιστήριο",
        "TNF\u03b1 blocker approved, beta of 1.2, \u03b1 of 3%",
        "苹果公司股价上涨",
        "Yap\u0131 Kredi, Erste, Soci\u00e9t\u00e9, \u00d8rsted",
    ],
)
def test_real_words_of_other_scripts_stay(real: str) -> None:
    """A Russian headline, a Greek symbol or a Turkish bank is no disguise."""
    assert fold(real) == real


def test_a_word_with_a_letter_that_looks_like_none_stays() -> None:
    """Yandex is written so on purpose."""
    assert (
        fold("\u042fndex and T\u0435\u043b\u0435\u043a\u043e\u043c rise")
        == "\u042fndex and T\u0435\u043b\u0435\u043a\u043e\u043c rise"
    )


@given(st.text() | st.text(ALPHABET))
def test_folding_twice_is_folding_once(text: str) -> None:
    """Texts are prepared in training and again in use: the second time must change nothing."""
    once = fold(text)
    assert fold(once) == once


@given(st.text(st.characters(codec="ascii")))
def test_ascii_is_never_touched(text: str) -> None:
    """What is plain is plain."""
    assert fold(text) is text


def test_every_lookalike_is_one_letter_of_another_script_for_a_latin_one() -> None:
    """The table is written as code points: a slip would not be seen."""
    for other, plain in LOOKALIKES.items():
        assert plain.isascii()
        assert plain.isalpha()
        assert unicodedata.name(other).split()[0] in {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}
