"""Who tells a story in which series: each story once a series, with the first document that no cap keeps out. Pure.

Documents are taken one after the other, and each sees what those before have told and used up, those of earlier batches
as they were stored. So the outcome does not depend on how documents are cut into batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from monitor.domain import ALL, EVERY_SERIES, Abstention, CapReason, Label, Telling
from monitor.ports import Allowance, Guard
from monitor.store.evidence import story_of
from monitor.store.values import from_json, storable, to_json

Leaf = tuple[str, str, str]
"""Entity, topic, source class of a document, which stands for the four series of the entity that it counts in."""

_SHARED = {(False, False): 0b0001, (False, True): 0b0011, (True, False): 0b0101, (True, True): EVERY_SERIES}
"""By same topic and same source class: the series that two leaves of one entity have in common."""


class Slot(NamedTuple):
    """What is counted against a cap: the stories of one voice about one entity in one span."""

    voice: str
    entity: str
    slot_at: datetime


@dataclass(slots=True)
class StoryState:
    """Where one story was told so far, and where it was held back."""

    told: list[Leaf] = field(default_factory=list)
    held_back: list[Leaf] = field(default_factory=list)
    everywhere: bool = False  # told before series were told apart

    def untold(self, leaf: Leaf) -> int:
        """The series of `leaf` in which the story was not told yet."""
        return 0 if self.everywhere else EVERY_SERIES & ~_shared(leaf, self.told)

    def hold_back(self, leaf: Leaf, untold: int) -> int:
        """Note that a cap keeps the story out of `untold`; returns where it was not kept out before."""
        fresh = untold & ~_shared(leaf, self.held_back)
        if fresh:
            self.held_back.append(leaf)
        return fresh

    def dump(self) -> str:
        """As stored."""
        return to_json((self.told, self.held_back))


@dataclass(slots=True)
class Told:
    """What became of a batch."""

    tellings: dict[tuple[str, str], Telling] = field(default_factory=dict)
    held_back: dict[CapReason, set[str]] = field(default_factory=dict)  # ids of documents
    used: Counter[Slot] = field(default_factory=Counter)  # what was told under a cap

    @property
    def stories(self) -> int:
        """Stories told over all entities, topics and source classes."""
        return sum(entity == ALL and telling.told & 1 for (_, entity), telling in self.tellings.items())


def load_state(text: str | None) -> StoryState:
    """The state that `dump` wrote; None: a story of before the upgrade, told in every series."""
    if text is None:
        return StoryState(everywhere=True)
    told, held_back = from_json(text, tuple[list[Leaf], list[Leaf]])
    return StoryState(told=told, held_back=held_back)


def tell(
    labels: Sequence[Label],
    states: Mapping[str, StoryState],
    guard: Guard | None = None,
    used: Mapping[Slot, int] | None = None,
) -> Told:
    """Let `labels`, in their order, tell their stories; changes `states`, which has every story of theirs.

    `used` is what was told in the slots before. A text that no model read tells nothing, so that a copy still can.
    """
    outcome = Told()
    before = used or {}
    for label in labels:
        state = states[story_of(label)]
        allowances: Mapping[str, Allowance] | None = None
        for entity, leaf in _leaves(label):
            if not (untold := state.untold(leaf)):
                continue
            if allowances is None:
                allowances = guard.allowances(label) if guard else {}
            refused_by = _take(allowances.get(entity), outcome.used, before)
            _note(outcome, label, entity, state=state, leaf=leaf, untold=untold, refused_by=refused_by)
    return outcome


def slot_of(allowance: Allowance) -> Slot:
    """Where stories under `allowance` are counted."""
    return Slot(storable(allowance.voice), storable(allowance.entity), allowance.slot_at)


def possible_slots(labels: Sequence[Label], states: Mapping[str, StoryState], guard: Guard) -> Counter[Slot]:
    """Every slot that `tell` may ask for, with the stories that would be told in it at most."""
    found: Counter[Slot] = Counter()
    for label in labels:
        state = states[story_of(label)]
        open_to = {entity for entity, leaf in _leaves(label) if state.untold(leaf)}
        if open_to:
            allowances = guard.allowances(label)
            found.update(slot_of(allowances[e]) for e in open_to if e in allowances and allowances[e].stories)
    return found


def _leaves(label: Label) -> Iterator[tuple[str, Leaf]]:
    """Each entity of `label` with its leaf; none where the text was not scored."""
    if label.prediction.abstained is Abstention.LANGUAGE:
        return
    topic, source_class = storable(label.prediction.topic or ALL), label.document.source_class.value
    for entity in dict.fromkeys((ALL, *label.document.entities)):
        yield entity, (storable(entity), topic, source_class)


def _shared(leaf: Leaf, others: Sequence[Leaf]) -> int:
    shared = 0
    for other in others:
        if other[0] == leaf[0]:
            shared |= _SHARED[other[1] == leaf[1], other[2] == leaf[2]]
    return shared


def _take(allowance: Allowance | None, used: Counter[Slot], before: Mapping[Slot, int]) -> CapReason | None:
    """Use up one story of `allowance`; returns why not, where none is left."""
    if allowance is None:
        return None
    if not allowance.stories:
        return allowance.reason
    slot = slot_of(allowance)
    if before.get(slot, 0) + used[slot] >= allowance.stories:
        return allowance.reason
    used[slot] += 1
    return None


def _note(  # noqa: PLR0913 - the state of one step
    outcome: Told,
    label: Label,
    entity: str,
    *,
    state: StoryState,
    leaf: Leaf,
    untold: int,
    refused_by: CapReason | None,
) -> None:
    key = (label.document.id, entity)
    if refused_by is None:
        state.told.append(leaf)
        outcome.tellings[key] = Telling(told=untold)
    elif held_back := state.hold_back(leaf, untold):
        outcome.tellings[key] = Telling(held_back=held_back)
        outcome.held_back.setdefault(refused_by, set()).add(label.document.id)
