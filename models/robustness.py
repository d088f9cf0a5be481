"""How much of a model's answers survives attacks: answers before and after, attack by attack, and the worst of all.

An attacked text is prepared as the classifier prepares it, so that what folding undoes counts as undone. The same
cases, attacks and seed give the same attacked texts for every model: two reports stand side by side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.attacks import ATTACKS, Attack
from models.evaluation.cases import Case, Cases, Task
from models.evaluation.measures import Scores, score
from models.judging import Judged
from models.text import prepare
from models.training.rows import MAX_CHARS

SEED = 13
POINTS = 100

Array = NDArray[np.float64]
Positions = NDArray[np.int64]

Answerer = Callable[[Sequence[Case]], Judged]
"""A model: cases in, answers in their order out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One attack that must not change the answers, or the worst of all."""

    attack: str
    texts: int  #: Texts on which it makes sense.
    undone: int  #: Of these, texts that read as before once prepared.
    before: Scores  #: Of the same answers without the attack.
    after: Scores

    @property
    def loss(self) -> float:
        """Loss of macro-F1, in points."""
        return POINTS * (self.before.macro_f1 - self.after.macro_f1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """One attack that must change the answers."""

    attack: str
    texts: int  #: Texts on which it makes sense and whose label agrees with the words that it turns.
    answers: int  #: Answers about these.
    right_before: int  #: Answers that were right.
    turned: int  #: Of those, answers that are right about the changed text too.

    @property
    def share(self) -> float | None:
        """Share of the answers that were right and turned as they should; None where none was right."""
        return self.turned / self.right_before if self.right_before else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What was found about one model."""

    model: str
    task: str
    texts: int
    seed: int
    before: Scores  #: Of all answers, without an attack.
    held: tuple[Held, ...]
    worst: Held  #: Each answer under the attack that is worst for it; right only if right under all.
    turned: tuple[Turned, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """The texts that an attack made, and which texts and answers of the whole they stand for."""

    cases: Cases
    texts: Positions
    answers: Positions
    before: tuple[int | None, ...]  #: The sentiment that the changed words spoke for, one a text.


def measure_robustness(
    answer: Answerer, cases: Cases, *, model: str, attacks: Sequence[Attack] = tuple(ATTACKS.values()),
    seed: int = SEED, step: Callable[[str], None] = lambda _: None,
) -> Robustness:  # fmt: skip
    """Attack `cases` in each way and ask `answer` anew; `step` is told the name of each attack when it is done."""
    first = _probabilities(answer, cases)
    worst = first.copy()
    held: list[Held] = []
    turned: list[Turned] = []
    for attack in attacks:
        trial = _trial(attack, cases, seed) if attack.preserves or cases.task is not Task.TOPIC else None
        if trial is not None:
            after, undone = _after(answer, cases, trial, first)
            if attack.preserves:
                held.append(_held(attack.name, cases, trial, first, after, undone))
                worst[trial.answers] = _worse(worst[trial.answers], after, cases.labels[trial.answers])
            else:
                turned.append(_turned(attack, cases, trial, first, after))
        step(attack.name)
    before = score(first, cases.labels)
    count = len(cases.cases)
    at_worst = Held(attack="worst of all", texts=count, undone=0, before=before, after=score(worst, cases.labels))
    return Robustness(model=model, task=cases.task.value, texts=count, seed=seed, before=before, held=tuple(held),
                      worst=at_worst, turned=tuple(turned))  # fmt: skip


def attacked(attack: Attack, cases: Cases, *, seed: int) -> Iterator[tuple[int, Case, int | None]]:
    """Position, changed case and the sentiment that the changed words spoke for, where the attack makes sense."""
    for position, case in enumerate(cases.cases):
        chance = random.Random(f"{seed} {attack.name} {case.text}")  # noqa: S311 - to be repeated, not to be secret
        found = attack.apply(case.text, chance, [surface for surface, _ in case.entities])
        if found is not None:
            named = zip(found.surfaces, case.entities, strict=True)
            entities = tuple((prepare(surface, max_chars=MAX_CHARS), label) for surface, (_, label) in named)
            text = prepare(found.text, max_chars=MAX_CHARS)
            yield position, replace(case, text=text, entities=entities), found.before


def _trial(attack: Attack, cases: Cases, seed: int) -> _Trial | None:
    found = list(attacked(attack, cases, seed=seed))
    if not found:
        return None
    positions, changed, before = zip(*found, strict=True)
    return _Trial(
        cases=Cases(task=cases.task, classes=cases.classes, cases=changed),
        texts=np.array(positions, dtype=np.int64),
        answers=np.flatnonzero(np.isin(cases.owners, positions)),
        before=before,
    )


def _probabilities(answer: Answerer, cases: Cases) -> Array:
    judged = answer(cases.cases)
    return {Task.SENTIMENT: judged.sentiments, Task.TOPIC: judged.topics, Task.ENTITY: judged.entities}[cases.task]


def _after(answer: Answerer, cases: Cases, trial: _Trial, first: Array) -> tuple[Array, int]:
    """Answers about the attacked texts, and how many of these read as before; those are not asked again."""
    pairs = zip(trial.texts, trial.cases.cases, strict=True)
    undone = [index for index, (position, case) in enumerate(pairs) if case.text == cases.cases[position].text]
    after = first[trial.answers].copy()
    fresh = trial.cases.without(undone)
    if fresh.cases:
        after[~np.isin(trial.cases.owners, undone)] = _probabilities(answer, fresh)
    return after, len(undone)


def _held(name: str, cases: Cases, trial: _Trial, first: Array, after: Array, undone: int) -> Held:
    labels = cases.labels[trial.answers]
    return Held(attack=name, texts=len(trial.texts), undone=undone, before=score(first[trial.answers], labels),
                after=score(after, labels))  # fmt: skip


def _worse(one: Array, other: Array, labels: Positions) -> Array:
    """Of two answers each the wrong one; where both are right or both wrong, the one less sure of the truth."""
    rows = np.arange(len(labels))
    goodness = [(found.argmax(axis=1) == labels) * 2.0 + found[rows, labels] for found in (one, other)]
    return np.where((goodness[1] < goodness[0])[:, None], other, one)


def _turned(attack: Attack, cases: Cases, trial: _Trial, first: Array, after: Array) -> Turned:
    labels = cases.labels[trial.answers]
    owners = trial.cases.owners
    judged = np.array(
        [int(label) in attack.accepts and trial.before[owner] in {None, int(label)}
         for label, owner in zip(labels, owners, strict=True)]
    )  # fmt: skip
    was_right = judged & (first[trial.answers].argmax(axis=1) == labels)
    accepted = [
        int(new) in attack.accepts.get(int(label), ()) for label, new in zip(labels, after.argmax(axis=1), strict=True)
    ]
    return Turned(
        attack=attack.name,
        texts=len(np.unique(owners[judged])),
        answers=int(judged.sum()),
        right_before=int(was_right.sum()),
        turned=int((was_right & np.array(accepted)).sum()),
    )
