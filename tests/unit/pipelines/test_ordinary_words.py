"""Names that are ordinary words are told from the words."""

from __future__ import annotations

import pytest

from pipelines.ordinary_words import is_meant_as_name, is_ordinary


def found(text: str, word: str) -> bool:
    """Whether the first `word` of `text`, in its case, is taken for a name."""
    start = text.index(word)
    return is_meant_as_name(text, start, start + len(word))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Analysts like what Target said about holidays", "Target"),
        ("Target raises outlook", "Target"),
        ("Target's margin shrinks", "Target"),
        ("Target Raises Outlook On Strong Holiday Sales", "Target"),
        ("Visa, Mastercard drop after ruling", "Visa"),
        ("Gap to close 200 stores", "Gap"),
        ("Shell shares fall", "Shell"),
        ("why TARGET fell today", "TARGET"),
        ("Why Target fell today", "Target"),
        ("Apple pie in the sky? Not for investors", "Apple"),
        ("APPLE SAID TO PLAN NEW PHONE", "APPLE"),
        ("Best Buy cuts forecast", "Best Buy"),
        ("after Best Buy reported", "Best Buy"),
    ],
)
def test_a_name_is_taken_for_one(text: str, word: str) -> None:
    """News of the company must not be lost."""
    assert found(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("price target raised to $50", "target"),
        ("Target price raised to $50", "Target"),
        ("Price Target Lifted To $50 From $45", "Target"),
        ("PRICE TARGET LIFTED TO $50", "TARGET"),
        ("apple growers hope for rain", "apple"),
        ("Gap between rich and poor widens", "Gap"),
        ("Shell companies under scrutiny", "Shell"),
        ("Block trade in chip maker priced", "Block"),
        ("EU ends Schengen Visa fees for students", "Visa"),
        ("New stadium near Target Field opens", "Target"),
        ("the best buy now", "best buy"),
        ("Best buy for long-term investors", "Best buy"),
        ("Target", "Target"),
    ],
)
def test_a_word_is_not_taken_for_a_name(text: str, word: str) -> None:
    """Each would count as news of a company that it does not speak of."""
    assert not found(text, word)


def test_a_phrase_is_ordinary_when_all_its_words_are() -> None:
    """`Best Buy` needs a look at its capitals, `Lowe's` and `Siemens Energy` do not."""
    assert is_ordinary("Best Buy")
    assert is_ordinary("target")
    assert not is_ordinary("Siemens Energy")
    assert not is_ordinary("")
