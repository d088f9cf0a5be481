"""Attacks on the classifier: seeded, pure ways of changing a text.

Those that preserve the label must not change the answer; those that change it must. `augment` is for training: one or
two of the first kind, without those that `monitor.folding` undoes before the model sees them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from models.attacks.attack import SAME, Attack, Attacked, Protected, is_chinese
from models.attacks.case import CASE
from models.attacks.chinese import BLANKS, FULL_WIDTH, TRADITIONAL_CHARACTERS
from models.attacks.direction import DIRECTION
from models.attacks.entities import ENTITY_SWAP
from models.attacks.insertions import CASHTAGGED, EMOJI_INSERTED, HASHTAGGED, SENTENCES_INJECTED
from models.attacks.lookalikes import HOMOGLYPHS, ZERO_WIDTH_INSERTED
from models.attacks.negation import NEGATION
from models.attacks.noise import NOISE
from models.attacks.numbers import NUMBERS
from models.attacks.synonyms import SYNONYMS
from models.attacks.typos import TYPOS

__all__ = ["ATTACKS", "CHANGING", "PRESERVING", "SAME", "Attack", "Attacked", "Protected", "augment"]

PRESERVING = (
    TYPOS, HOMOGLYPHS, ZERO_WIDTH_INSERTED, CASE, EMOJI_INSERTED, HASHTAGGED, CASHTAGGED, NUMBERS, SYNONYMS,
    ENTITY_SWAP, SENTENCES_INJECTED, NOISE, TRADITIONAL_CHARACTERS, FULL_WIDTH, BLANKS,
)  # fmt: skip
CHANGING = (DIRECTION, NEGATION)

ATTACKS: Mapping[str, Attack] = MappingProxyType({attack.name: attack for attack in (*PRESERVING, *CHANGING)})

_FOR_TRAINING = (TYPOS, TYPOS, CASE, EMOJI_INSERTED, HASHTAGGED, CASHTAGGED, NUMBERS, SYNONYMS, SYNONYMS, ENTITY_SWAP,
                 ENTITY_SWAP, SENTENCES_INJECTED, SENTENCES_INJECTED, NOISE)  # fmt: skip
_FOR_TRAINING_ZH = (EMOJI_INSERTED, HASHTAGGED, NUMBERS, ENTITY_SWAP, SENTENCES_INJECTED, NOISE, TRADITIONAL_CHARACTERS,
                    BLANKS)  # fmt: skip
TRIES = 4  #: Attacks drawn for the one or two that are wanted; some will make no sense on a text.


def augment(text: str, surfaces: Sequence[str], chance: random.Random) -> Attacked:
    """`text` after one or two attacks that preserve the label; as it was where none makes sense on it.

    The surfaces stand in the order in which they were given.
    """
    now = Attacked(text=text, surfaces=tuple(surfaces))
    wanted = chance.randint(1, 2)
    for attack in chance.sample(_FOR_TRAINING_ZH if is_chinese(text) else _FOR_TRAINING, TRIES):
        after = attack.apply(now.text, chance, now.surfaces)
        if after is not None:
            now, wanted = after, wanted - 1
        if not wanted:
            break
    return now
