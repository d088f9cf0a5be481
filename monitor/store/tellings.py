"""Who tells a story in which series: each story once a series, with the first document that no cap keeps out. Pure.

Documents are taken one after the other, and each sees what those before have told and used up, those of earlier batches
as they were stored. So the outcome does not depend on how documents are cut into batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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


class Claim(NamedTuple):
    """One entity of a document, for which it would tell its story."""

    entity: str
    leaf: Leaf
    slot: Slot | None  #: None: no cap, or one that lets nothing through.
    allowance: Allowance | None


class Speech(NamedTuple):
    """One document, as far as it tells a story."""

    document_id: str
    story_id: str
    claims: Sequence[Claim]  #: None where no model has read the text: it tells nothing, so that a copy still can.


@dataclass(slots=True)
class StoryState:
    """Where one story was told so far, and where it was held back."""

    told: list[Leaf] = field(default_factory=list)
    held_back: list[Leaf] = field(default_factory=list)
    everywhere: bool = False  # told before series were told apart

    def untold(self, leaf: Leaf) -> int:
        """The series of `leaf` in which the story was not told yet."""
        return 0 if self.everywhere else EVERY_SERIES & ~_shared(leaf, self.told)

    def tell(self, speech: Speech) -> None:
        """Tell all that `speech` would, if there were no caps."""
        self.told += [claim.leaf for claim in speech.claims if self.untold(claim.leaf)]

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


def speeches(labels: Sequence[Label], guard: Guard | None = None) -> list[Speech]:
    """What each of `labels` would tell, and the caps that `guard` holds against it."""
    return [Speech(label.document.id, story_of(label), _claims(label, guard)) for label in labels]


def tell(spoken: Sequence[Speech], states: Mapping[str, StoryState], used: Mapping[Slot, int] | None = None) -> Told:
    """Let documents, in their order, tell their stories; changes `states`, which has every story of theirs.

    `used` is what was told in the slots before.
    """
    outcome, before = Told(), used or {}
    for speech in spoken:
        state = states[speech.story_id]
        for claim in speech.claims:
            if untold := state.untold(claim.leaf):
                refused_by = _take(claim, outcome.used, before)
                _note(outcome, speech, claim, state=state, untold=untold, refused_by=refused_by)
    return outcome


def possible_slots(spoken: Sequence[Speech], states: Mapping[str, StoryState]) -> Counter[Slot]:
    """Every slot that `tell` may ask for, with the stories that would be told in it at most."""
    return Counter(
        claim.slot
        for speech in spoken
        for claim in speech.claims
        if claim.slot and states[speech.story_id].untold(claim.leaf)
    )


def _claims(label: Label, guard: Guard | None) -> list[Claim]:
    if label.prediction.abstained is Abstention.LANGUAGE:
        return []
    allowances = guard.allowances(label) if guard else {}
    topic, source_class = storable(label.prediction.topic or ALL), label.document.source_class.value
    return [
        _claim(entity, (storable(entity), topic, source_class), allowances.get(entity))
        for entity in dict.fromkeys((ALL, *label.document.entities))
    ]


def _claim(entity: str, leaf: Leaf, allowance: Allowance | None) -> Claim:
    slot = Slot(storable(allowance.voice), leaf[0], allowance.slot_at) if allowance and allowance.stories else None
    return Claim(entity, leaf, slot, allowance)


def _shared(leaf: Leaf, others: Sequence[Leaf]) -> int:
    shared = 0
    for other in others:
        if other[0] == leaf[0]:
            shared |= _SHARED[other[1] == leaf[1], other[2] == leaf[2]]
    return shared


def _take(claim: Claim, used: Counter[Slot], before: Mapping[Slot, int]) -> CapReason | None:
    """Use up one story of the allowance; returns why not, where none is left."""
    if claim.allowance is None:
        return None
    if claim.slot is None or before.get(claim.slot, 0) + used[claim.slot] >= claim.allowance.stories:
        return claim.allowance.reason
    used[claim.slot] += 1
    return None


def _note(
    outcome: Told, speech: Speech, claim: Claim, *, state: StoryState, untold: int, refused_by: CapReason | None
) -> None:
    key = (speech.document_id, claim.entity)
    if refused_by is None:
        state.told.append(claim.leaf)
        outcome.tellings[key] = Telling(told=untold)
    elif held_back := state.hold_back(claim.leaf, untold):
        outcome.tellings[key] = Telling(held_back=held_back)
        outcome.held_back.setdefault(refused_by, set()).add(speech.document_id)
