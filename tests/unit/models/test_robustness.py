"""Robustness: arithmetic on a model whose answers are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from models.attacks import ATTACKS, Attack, Attacked, Protected
from models.evaluation.cases import SENTIMENTS, Case, Cases, Task
from models.judging import Judged
from models.robustness import Robustness, attacked, measure_robustness
from models.robustness_words import as_markdown, as_values, held_lines, turned_lines

MIRROR = {0: frozenset({2}), 2: frozenset({0})}


def case(text: str, label: int = 1, *entities: tuple[str, int]) -> Case:
    """A text with its label, or with entities and theirs."""
    return Case(text=text, label=label, entities=entities, path=Path("rows.csv"), row=2)


def cases(*listed: Case, task: Task = Task.SENTIMENT) -> Cases:
    """Several texts of one task."""
    return Cases(task=task, classes=SENTIMENTS, cases=listed)


def word_model(asked: Sequence[Case]) -> Judged:
    """Says positive where it reads `up`, negative where it reads `down`, else neutral; the same of every entity."""
    answers = [2 if "up" in one.text.split() else 0 if "down" in one.text.split() else 1 for one in asked]
    sure = np.full((len(asked), 3), 0.1)
    sure[np.arange(len(asked)), answers] = 0.8
    entities = np.repeat(sure, [len(one.entities) for one in asked], axis=0)
    return Judged(topics=sure, sentiments=sure, finance=np.ones(len(asked)), entities=entities)


def rewriting(name: str, old: str, new: str, **changes: object) -> Attack:
    """Puts `new` for `old` where it stands."""

    def apply(text: str, _: Random, surfaces: Protected) -> Attacked | None:
        return (
            Attacked(text=text.replace(old, new), surfaces=tuple(surfaces), before=changes.get("before"))
            if old in text
            else None
        )

    plain = Attack(name=name, apply=apply)
    return replace(plain, accepts=changes["accepts"]) if "accepts" in changes else plain


FOUR = cases(case("Acme up", 2), case("Acme down", 0), case("Acme opens", 1), case("Orrin up", 2))


def measured(*attacks: Attack, asked: Cases = FOUR) -> Robustness:
    """What the word model makes of `attacks`."""
    return measure_robustness(word_model, asked, model="word-1", attacks=attacks)


def test_before_and_after_are_of_the_texts_on_which_the_attack_makes_sense() -> None:
    """Texts that it leaves alone would dilute the loss."""
    found = measured(rewriting("shout", "up", "UP"))
    (held,) = found.held
    assert (found.texts, held.texts) == (4, 2)
    assert (held.before.accuracy, held.after.accuracy) == (1.0, 0.0)
    assert held.loss == pytest.approx(100 * (1.0 - 0.0))


def test_macro_f1_and_its_loss_in_points() -> None:
    """Two of three classes hold: the third goes, and takes precision of another with it."""
    found = measured(rewriting("mute", "down", "opens"), rewriting("none", "absent", ""))
    assert [held.attack for held in found.held] == ["mute"]
    assert found.worst.after.accuracy == pytest.approx(3 / 4)
    assert found.worst.after.macro_f1 == pytest.approx((0 + 2 / 3 + 1) / 3)
    assert found.worst.loss == pytest.approx(100 * (1 - 5 / 9))


def test_worst_of_all_is_right_only_under_every_attack() -> None:
    """An attacker has the choice."""
    found = measured(
        rewriting("a", "Acme up", "Acme"), rewriting("b", "Orrin up", "Orrin"), rewriting("c", "opens", "up")
    )
    assert [held.after.accuracy for held in found.held] == [0.0, 0.0, 0.0]
    assert found.worst.after.accuracy == pytest.approx(1 / 4)


def test_a_text_that_preparation_restores_is_not_asked_again() -> None:
    """What folding undoes costs nothing, and counts as undone."""
    asked: list[int] = []

    def counting(listed: Sequence[Case]) -> Judged:
        asked.append(len(listed))
        return word_model(listed)

    found = measure_robustness(counting, FOUR, model="m", attacks=[rewriting("split", "Acme", "Ac\u200bme")])
    assert asked == [4]
    assert (found.held[0].texts, found.held[0].undone, found.held[0].loss) == (3, 3, 0.0)


def test_changing_attacks_count_the_right_answers_that_turned() -> None:
    """An answer that was wrong before proves nothing by being right afterwards."""
    asked = cases(case("Acme up", 2), case("Orrin up", 2), case("Ruxo up", 0), case("Acme opens", 1))
    flip = rewriting("flip", "up", "down", accepts=MIRROR, before=None)
    (turned,) = measured(flip, asked=asked).turned
    assert (turned.texts, turned.answers, turned.right_before, turned.turned, turned.share) == (3, 3, 2, 2, 1.0)
    deaf = rewriting("deaf", "up", "UP", accepts=MIRROR, before=None)
    assert measured(deaf, asked=asked).turned[0].share == 0.0


def test_a_label_that_the_turned_words_do_not_speak_for_is_not_judged() -> None:
    """Costs that fall are good: to turn the word need not turn the label as expected."""
    asked = cases(case("Acme up", 2), case("Ruxo up", 0))
    flip = rewriting("flip", "up", "down", accepts=MIRROR, before=2)
    assert measured(flip, asked=asked).turned[0].answers == 1


def test_entities_are_answers_of_their_own() -> None:
    """A headline about two companies has two answers, which follow their names through a swap."""
    asked = cases(
        case("Acme up as Orrin waits", 1, ("Acme", 2), ("Orrin", 1)),
        case("Ruxo down", 0, ("Ruxo", 0)),
        task=Task.ENTITY,
    )
    found = measure_robustness(word_model, asked, model="m", attacks=[ATTACKS["entity_swap"]])
    assert found.held[0].texts == 2
    assert found.before.rows == found.held[0].after.rows == 3
    assert found.before.accuracy == pytest.approx(2 / 3)
    for _, changed, _ in attacked(ATTACKS["entity_swap"], asked, seed=1):
        assert all(surface in changed.text for surface, _ in changed.entities)
        assert not {"Acme", "Orrin", "Ruxo"} & set(changed.text.split())


def test_topics_are_not_asked_to_turn() -> None:
    """A fall is about the same topic as a rise."""
    flip = rewriting("flip", "up", "down", accepts=MIRROR)
    assert measured(flip, asked=cases(*FOUR.cases, task=Task.TOPIC)).turned == ()


def test_the_same_seed_attacks_in_the_same_way_whatever_the_order() -> None:
    """Two models, and the same set in another order, must meet the same texts."""
    texts = {changed.text for _, changed, _ in attacked(ATTACKS["typos"], FOUR, seed=3)}
    turned = Cases(task=FOUR.task, classes=FOUR.classes, cases=FOUR.cases[::-1])
    assert texts == {changed.text for _, changed, _ in attacked(ATTACKS["typos"], turned, seed=3)}


def test_two_models_stand_side_by_side() -> None:
    """One line an attack, a group of columns a model."""
    one = measured(rewriting("shout", "up", "UP"), rewriting("flip", "up", "down", accepts=MIRROR))
    other = replace(one, model="other-2")
    lines = held_lines([one, other])
    assert [line["attack"] for line in lines] == ["shout", "worst of all"]
    assert lines[0]["word-1 loss"] == lines[0]["other-2 loss"] == "100.00"
    assert turned_lines([one])[0]["share"] == "1.000"
    text = as_markdown([one, other], ["a note"])
    assert "| shout | 2 | 0 | 1.0000 -> 0.0000 |" in text
    assert "a note" in text


def test_json_carries_losses_and_shares() -> None:
    """Programs should not have to compute them."""
    values = as_values([measured(rewriting("shout", "up", "UP"), rewriting("flip", "up", "down", accepts=MIRROR))], [])
    (model,) = values["models"]
    assert model["held"][0]["loss"] == 100.0
    assert model["turned"][0]["share"] == 1.0
    assert model["worst"]["after"]["accuracy"] == 0.5
