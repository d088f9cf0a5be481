"""Attacks: seeded, pure, and true to what they say about the label."""

import random
from collections.abc import Sequence

import pytest

from models.attacks import ATTACKS, CHANGING, PRESERVING, Attacked, augment
from models.attacks.synonyms import groups
from models.mentions import places
from models.text import prepare
from monitor.folding import fold

TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Acme Motors rises 5% after it beats estimates on a profit of $12,000,000", ("Acme Motors",)),
    ("Jury orders Halvorin Foods to pay rival Castelbrook Brands $84 million in packaging patent case",
     ("Halvorin Foods", "Castelbrook Brands")),
    ("GE loss narrows to Rs 10.4 crore, shares of the company up 3%", ("GE",)),
    ("$QRVN - Quarrion cuts outlook because of weak demand, says chief executive", ()),
    ("Gold falls for a third day amid fears of inflation; 12 banks warn of 12,500 layoffs", ("Gold",)),
    ("Orrin shares rose 4% on Tuesday", ("Orrin",)),
    ("岱峤新材一季度净利润增长5%,获3.5亿元订单,股价涨停", ("岱峤新材",)),
    ("锦澜地产债券违约 股价下跌8%", ("锦澜地产",)),
)  # fmt: skip
SEEDS = range(12)


def attack(name: str, text: str, *surfaces: str, seed: int = 0) -> str | None:
    """What an attack makes of a text."""
    found = ATTACKS[name].apply(text, random.Random(seed), surfaces)
    return found and found.text


def every(name: str) -> list[tuple[str, Sequence[str], Attacked]]:
    """Text, surfaces and what became of them, over all texts and seeds where the attack makes sense."""
    tried = [(text, surfaces, ATTACKS[name].apply(text, random.Random(seed), surfaces))
             for text, surfaces in TEXTS for seed in SEEDS]  # fmt: skip
    return [(text, surfaces, found) for text, surfaces, found in tried if found is not None]


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_seed_gives_the_same_text(name: str) -> None:
    """A report that cannot be made again proves nothing."""
    assert every(name)
    assert every(name) == every(name)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_changes_the_text_or_says_that_it_makes_no_sense(name: str) -> None:
    """An unchanged text that counted as attacked would hide a loss."""
    assert all(found.text != text for text, _, found in every(name))


@pytest.mark.parametrize("name", ATTACKS)
def test_every_entity_can_still_be_found(name: str) -> None:
    """An answer towards an entity that is not found is one about the whole text."""
    for _, surfaces, found in every(name):
        assert len(found.surfaces) == len(surfaces)
        assert all(any(places(found.text, surface)) for surface in found.surfaces)
        prepared = prepare(found.text, max_chars=4000)
        assert all(any(places(prepared, surface)) for surface in found.surfaces)


@pytest.mark.parametrize("name", set(ATTACKS) - {"entity_swap"})
def test_only_the_swap_renames_entities(name: str) -> None:
    """The surfaces are asked for as they were given."""
    assert all(found.surfaces == surfaces for _, surfaces, found in every(name))


@pytest.mark.parametrize("name", ["homoglyphs", "zero_width", "full_width"])
def test_folding_undoes_disguises_exactly(name: str) -> None:
    """The pipeline folds: the model must see what it would have seen."""
    assert all(fold(found.text) == fold(text) for text, _, found in every(name))


def test_preserving_attacks_accept_the_old_label_alone_and_changing_ones_never() -> None:
    """That is what the two words mean."""
    assert all(attack.preserves and attack.accepts == {0: {0}, 1: {1}, 2: {2}} for attack in PRESERVING)
    for changing in CHANGING:
        assert not changing.preserves
        assert all(label not in accepted for label, accepted in changing.accepts.items())


@pytest.mark.parametrize(
    ("text", "turned", "before"),
    [
        ("Acme shares rise 5% as it beats estimates", "Acme shares fall 5% as it misses estimates", 2),
        ("Acme cuts outlook", "Acme raises outlook", 0),
        ("Acme posts net profit of $2 million", "Acme posts net loss of $2 million", 2),
        ("Acme loss narrows", "Acme loss widens", None),
        ("Bank downgrades Acme to Underperform", "Bank upgrades Acme to Outperform", 0),
        ("Acme wins contract, loses lawyer", "Acme loses contract, gains lawyer", None),
        ("岱峤新材业绩超预期", "岱峤新材业绩不及预期", 2),
    ],
)
def test_direction_flips_turn_every_word_and_say_what_it_spoke_for(text: str, turned: str, before: int | None) -> None:
    """To turn half of a text would leave its meaning open."""
    found = ATTACKS["direction"].apply(text, random.Random(1), ("Acme",))
    assert found == Attacked(text=turned, surfaces=("Acme",), before=before)


@pytest.mark.parametrize(
    "text",
    [
        "Acme does not rise", "Acme rises despite probe", "Acme to cut jobs, cuts costs", "Acme raises $5 million",
        "Rate cuts lift shares", "Acme rises but slips later", "Acme rises, dips at noon", "Higher costs at Acme",
        "Acme opens a shop", "股价未上涨", "成本不再上涨",
    ],
)  # fmt: skip
def test_a_text_whose_meaning_need_not_turn_with_its_words_is_left_alone(text: str) -> None:
    """A wrong expectation would count a good model's right answer as a failure."""
    assert attack("direction", text) is None


def test_negation_denies_the_one_verb() -> None:
    """Which of the other two sentiments is right then is left open."""
    assert attack("negation", "Acme shares rose 5%", "Acme") == "Acme shares did not rise 5%"
    assert attack("negation", "Acme misses targets", "Acme") == "Acme does not miss targets"
    assert attack("negation", "锦澜地产股价下跌", "锦澜地产") == "锦澜地产股价并未下跌"
    assert attack("negation", "Acme rises, Orrin falls") is None
    assert ATTACKS["negation"].accepts == {0: {1, 2}, 2: {0, 1}}


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("a gain of 5%", {"a gain of 5 percent", "a gain of 5 pct", "a gain of 5 per cent"}),
        ("worth $3.2B now", {"worth $3.2 billion now", "worth $3.2bn now"}),
        ("net of Rs 10.4 crore", {"net of Rs 104 million"}),
        ("net of Rs 1,500 crore", {"net of Rs 15 billion"}),
        ("sold 12,000,000 units", {"sold 12000000 units", "sold 12 million units", "sold 12m units"}),
        ("opens 3 plants", {"opens three plants"}),
        ("订单3.5亿元", {"订单35000万元"}),
    ],
)
def test_numbers_keep_their_value(text: str, forms: set[str]) -> None:
    """Another way of writing, not another number."""
    assert {attack("numbers", text, seed=seed) for seed in range(40)} == forms


@pytest.mark.parametrize(
    "text", ["in 2019", "at 8:30 on 1/2/2020", "Q3", "COVID-19", "10%-20%", "version 1.2.3", "Grade 2"]
)
def test_what_only_looks_like_a_number_stays(text: str) -> None:
    """A year or a date has one way of writing here."""
    assert attack("numbers", text) is None


def test_the_swap_gives_one_name_to_one_company_wherever_it_stands() -> None:
    """Half-swapped, the text would tell of three companies."""
    found = ATTACKS["entity_swap"].apply("Orrin sues Acme; Orrin falls", random.Random(2), ("Acme", "Orrin", "Acme"))
    assert found is not None
    acme, orrin, again = found.surfaces
    assert found.text == f"{orrin} sues {acme}; {orrin} falls"
    assert acme == again != orrin


def test_the_swap_leaves_goods_and_currencies() -> None:
    """Gold is no company: what is said of it would mean something else."""
    assert attack("entity_swap", "Gold falls", "Gold") is None
    assert attack("entity_swap", "Acme Bank falls", "Acme", "Acme Bank") is None  # one name within the other


def test_synonyms_keep_case_and_mend_the_article() -> None:
    """A broken article would be an attack of its own."""
    forms = {attack("synonyms", "Bankruptcy follows an accord", seed=seed) for seed in range(40)}
    assert forms <= {"Insolvency follows an accord", "Bankruptcy follows an agreement"} | {
        "Insolvency follows an agreement"
    }
    assert attack("synonyms", "It sees a probe") in {"It sees an investigation", "It sees an inquiry"}


def test_synonym_table_is_large_and_no_word_stands_for_two_groups() -> None:
    """A word in two groups would be replaced by only one of its meanings."""
    replaced = [word for words, _ in groups() for word in words]
    assert len(groups()) >= 150
    assert len(replaced) == len(set(replaced))
    assert all(len(set(all_)) == len(all_) >= 2 for _, all_ in groups())


@pytest.mark.parametrize("name", ["typos", "case", "synonyms", "homoglyphs"])
def test_attacks_on_latin_letters_make_no_sense_in_chinese(name: str) -> None:
    """An attack that does nothing must not dilute the figures."""
    assert attack(name, "锦澜地产债券违约 股价下跌8%") is None


@pytest.mark.parametrize("name", ["traditional", "full_width", "blanks"])
def test_chinese_attacks_make_no_sense_in_english(name: str) -> None:
    """As above."""
    assert attack(name, "Acme shares fall 8%") is None


def test_short_names_keep_their_case() -> None:
    """They are told from a word by it: GE from ge."""
    forms = {attack("case", "GE falls", "GE", seed=seed) for seed in range(20)}
    assert {"GE FALLS"} < forms
    assert all(form is None or form.startswith("GE") for form in forms)


def test_augmenting_changes_most_texts_and_repeats_with_the_seed() -> None:
    """Training sees other words each epoch, and the same ones in a run that is repeated."""

    def made(seed: int) -> list[Attacked]:
        chance = random.Random(seed)
        return [augment(text, surfaces, chance) for text, surfaces in TEXTS * 20]

    first = made(1)
    assert first == made(1) != made(2)
    changed = sum(found.text != text for found, (text, _) in zip(first, TEXTS * 20, strict=True))
    assert changed > 0.95 * len(first)
    assert all(any(places(found.text, surface)) for found in first for surface in found.surfaces)


def test_augmenting_an_empty_or_odd_text_does_no_harm() -> None:
    """A training row may be anything."""
    for text in ("", " ", "!", "a", "\U0001f600", "2020"):
        assert isinstance(augment(text, (), random.Random(3)).text, str)
