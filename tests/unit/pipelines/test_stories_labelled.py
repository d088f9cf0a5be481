"""On invented news with copies and templates: copies are found, and other news stay other news."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product

import pytest

from pipelines.stories import Likeness, StoryText, compare, sketches
from tests.fixtures.copied_news import copy_of, first_telling, labelled
from tests.fixtures.invented_news import HELD_OUT, TUNED, Template, english_company, tell
from tests.fixtures.story_pairs import candidates, count_pairs


@pytest.mark.parametrize("templates", [TUNED, HELD_OUT], ids=["tuned", "held-out"])
def test_pairs_of_copies_are_found_and_no_others(templates: Sequence[Template]) -> None:
    """A pair told wrongly merges two companies' news; a pair missed counts one voice as two."""
    found = count_pairs(labelled(templates, stories=120, copies=5, seed=7))
    assert found.precision >= 0.99
    assert found.recall >= 0.90


# A dividend, told with its amount.
_SAME_NEWS = [template for template in TUNED if template.chinese or "Dividend of" in template.headline]


def test_one_template_of_a_thousand_companies_never_merges() -> None:
    """Results and dividends are announced in the same words by everyone."""
    texts = _templated(1000)
    found = sketches(texts)
    pairs = candidates(found)
    assert len(pairs) > 1000, "the template must make candidates, or nothing is shown"
    assert [pair for pair in pairs if compare(found[pair[0]], found[pair[1]]) != Likeness.DIFFERENT] == []


def _templated(count: int) -> list[StoryText]:
    """Dividends, results and calls without a number, of as many companies."""
    rng = random.Random(5)
    kinds = ("Corp", "Inc", "Systems", "Holdings plc", "")
    stems = dict.fromkeys(_word(rng) for _ in range(2 * count))
    names = [f"{stem} {kinds[at % len(kinds)]}" for at, stem in enumerate(stems)][:count]
    assert len(names) == count
    forms = (
        "{} declares quarterly dividend",
        "{} Reports Third Quarter Results",
        "Transcript of the earnings call of {}",
        "{} BEATS ESTIMATES FOR THE QUARTER",
        "{} q3 profit up on strong demand, shares rise",
        "Analysts raise price target of {} after results",
    )
    return [_post(forms[at % len(forms)].format(name.strip())) for at, name in enumerate(names)]


def _word(rng: random.Random) -> str:
    syllables = [a + b for a, b in product("bdfglmnprstvz", "aeiou")]
    return "".join(rng.choices(syllables, k=3)).title()


def _post(text: str) -> StoryText:
    return StoryText(content=f"\n{text}")


def test_nearly_every_copy_joins_the_story_it_was_copied_from() -> None:
    """One wire story copied two hundred times counts once."""
    rng = random.Random(11)
    joined = told = 0
    for template in [*TUNED, *HELD_OUT]:
        story = tell(template, rng)
        first, *copies = sketches([first_telling(story, rng), *(copy_of(story, rng) for _ in range(12))])
        known = [first]
        for copy in copies:
            alike = any(set(copy.bands.tolist()) & set(other.bands.tolist()) and
                        compare(copy, other) != Likeness.DIFFERENT for other in known)  # fmt: skip
            joined += alike
            told += 1
            known.append(copy)
    assert joined / told >= 0.98


def test_a_company_tells_different_news_in_one_week() -> None:
    """One name in common makes no story."""
    rng = random.Random(13)
    company = english_company(rng)
    texts = [_post(tell(template, rng, company=company).headline) for template in TUNED if template not in _SAME_NEWS]
    found = sketches(texts)
    alike = [(a, b) for a, b in candidates(found) if compare(found[a], found[b]) != Likeness.DIFFERENT]
    assert [(texts[a].content, texts[b].content) for a, b in alike] == []
