"""Batches for training: examples in, tensors out.

Rows of similar length share a batch, so that little is padding; a share of them is attacked anew each epoch, so that
the network does not learn to rely on spelling.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.attacks import augment
from models.mentions import token_spans
from models.text import prepare
from models.training.rows import MAX_CHARS, NO_LABEL, Example

SPAN = 50  #: Batches over which rows are sorted by length.


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the network and the losses take."""

    ids: Tensor  #: Rows x tokens.
    mask: Tensor  #: Rows x tokens.
    owners: Tensor  #: Entities: their row.
    spans: Tensor  #: Entities x tokens: 1 for a token that names the entity.
    examples: Sequence[Example]

    def labels(self, name: str) -> Tensor:
        """The labels of one task, one a row; of `entity` one an entity."""
        if name == "entity":
            return torch.tensor([sentiment for e in self.examples for _, sentiment in e.entities], dtype=torch.long)
        return torch.tensor([getattr(example, name) for example in self.examples], dtype=torch.long)


class Collator:
    """Makes batches of examples."""

    def __init__(self, tokenizer: Tokenizer, *, adversarial: float, device: torch.device) -> None:
        self._tokenizer = tokenizer
        self._pad_id = next((i for w in ("[PAD]", "<pad>") if (i := tokenizer.token_to_id(w)) is not None), 0)
        self._adversarial = adversarial
        self._device = device

    def lengths(self, examples: Sequence[Example]) -> list[int]:
        """Tokens of each example."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch_fast([e.text for e in examples])]

    def attacked(self, examples: Sequence[Example], chance: random.Random) -> list[Example]:
        """The examples, a share of them attacked."""
        return [_attacked(e, chance) if chance.random() < self._adversarial else e for e in examples]

    def batch(self, examples: Sequence[Example]) -> Batch:
        """Tensors of `examples`."""
        encodings = self._tokenizer.encode_batch([example.text for example in examples])
        width = max(len(encoding.ids) for encoding in encodings)
        ids = np.full((len(examples), width), self._pad_id, dtype=np.int64)
        mask = np.zeros((len(examples), width), dtype=np.int64)
        owners: list[int] = []
        spans: list[list[float]] = []
        for row, (example, encoding) in enumerate(zip(examples, encodings, strict=True)):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
            for tokens in token_spans(example.text, encoding.offsets, example.surfaces):
                owners.append(row)
                spans.append(_marked(tokens, width))
        return Batch(
            ids=self._moved(ids),
            mask=self._moved(mask),
            owners=torch.tensor(owners, dtype=torch.long, device=self._device),
            spans=torch.tensor(spans, dtype=torch.float32, device=self._device).reshape(len(owners), width),
            examples=examples,
        )

    def _moved(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._device)


def _marked(tokens: Sequence[int], width: int) -> list[float]:
    row = [0.0] * width
    for token in tokens:
        row[token] = 1.0
    return row


def _attacked(example: Example, chance: random.Random) -> Example:
    names = [name for name, _ in example.entities]
    found = augment(example.text, names, chance)
    # What the pipeline undoes (look-alikes, invisible characters) the network does not have to learn.
    text, *surfaces = (prepare(written, max_chars=MAX_CHARS) for written in (found.text, *found.surfaces))
    entities = tuple(zip(surfaces, (sentiment for _, sentiment in example.entities), strict=True))
    return replace(example, text=text, entities=entities)


def similar_batches(lengths: Sequence[int], size: int, *, seed: int) -> Iterator[list[int]]:
    """Row numbers in batches of similar length, in random order."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    order = list(range(len(lengths)))
    chance.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * SPAN):
        span = sorted(order[start : start + size * SPAN], key=lambda i: lengths[i])
        batches.extend(span[at : at + size] for at in range(0, len(span), size))
    chance.shuffle(batches)
    yield from batches


def has_labels(examples: Sequence[Example], name: str) -> bool:
    """True when any example carries a label of the task."""
    if name == "entity":
        return any(example.entities for example in examples)
    return any(getattr(example, name) != NO_LABEL for example in examples)
