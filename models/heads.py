"""The four heads: hidden states of all tokens in, probabilities out, one pass for every text and every entity.

A text is the mean of its tokens; an entity is that joined with the mean of the tokens that name it. All of it in fp32:
small products, and the answers hang on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.batch import Batch
from models.merged import Weights

Affine = tuple[Tensor, Tensor]  #: Weight and bias.


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Probabilities on the device that computed them."""

    topics: Tensor  #: Rows x topics.
    sentiments: Tensor  #: Rows x (negative, neutral, positive).
    finance: Tensor  #: Rows.
    entities: Tensor  #: Entities x (negative, neutral, positive), text after text.


class Heads:
    """Four linear layers over pooled hidden states."""

    def __init__(self, weights: Weights, device: torch.device) -> None:
        self._topic, self._sentiment, self._finance, self._entity = (
            affine(weights, name, device=device, dtype=torch.float32)
            for name in ("topic", "sentiment", "finance", "entity")
        )

    def __call__(self, hidden: Tensor, batch: Batch) -> Shares:
        """Probabilities for `batch`, whose tokens have the hidden states `hidden`."""
        hidden = hidden.float()
        every = torch.arange(sum(batch.lengths), dtype=batch.starts.dtype, device=hidden.device)
        texts = functional.embedding_bag(every, hidden, batch.starts[:-1], mode="mean")
        sentiments = _softmax(texts, self._sentiment)
        return Shares(
            topics=_softmax(texts, self._topic),
            sentiments=sentiments,
            finance=_softmax(texts, self._finance)[:, 1],
            entities=self._entities(hidden, texts, sentiments, batch) if len(batch.owners) else sentiments[:0],
        )

    def _entities(self, hidden: Tensor, texts: Tensor, sentiments: Tensor, batch: Batch) -> Tensor:
        """One row an entity; one that no token names gets the sentiment of its text."""
        named = functional.embedding_bag(batch.named, hidden, batch.bags, mode="mean")
        joined = torch.cat([texts.index_select(0, batch.owners), named], dim=1)
        whole = sentiments.index_select(0, batch.owners)
        return torch.where(batch.found.bool().unsqueeze(1), _softmax(joined, self._entity), whole)


def affine(weights: Weights, name: str, *, device: torch.device, dtype: torch.dtype) -> Affine:
    """Weight and bias of the layer `name`."""
    return weights[f"{name}.weight"].to(device, dtype), weights[f"{name}.bias"].to(device, dtype)


def _softmax(rows: Tensor, layer: Affine) -> Tensor:
    return functional.linear(rows, *layer).softmax(-1)
