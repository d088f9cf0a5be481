"""A BERT encoder that runs over texts laid end to end: no padding, so no work is done for nothing.

All linear layers see one long row of tokens; only attention looks at one text at a time, texts of one length together.
What a text gets does not depend on its company but for the last bits of a product of another shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Groups = Sequence[tuple[int, int]]  #: Texts and their length, for each run of texts of one length.


class PackedLayer(nn.Module):
    """One transformer layer, its three input projections as one."""

    def __init__(self, layer: Any, *, heads: int) -> None:  # noqa: ANN401 - transformers types no layer
        super().__init__()
        attention, own = layer.attention, layer.attention.self
        self._heads = heads
        self.project = nn.Linear(own.query.in_features, 3 * own.query.out_features)
        with torch.no_grad():
            self.project.weight.copy_(torch.cat([own.query.weight, own.key.weight, own.value.weight]))
            self.project.bias.copy_(torch.cat([own.query.bias, own.key.bias, own.value.bias]))
        self.output = attention.output.dense
        self.attention_norm = attention.output.LayerNorm
        self.widen = layer.intermediate.dense
        self.activation = layer.intermediate.intermediate_act_fn
        self.narrow = layer.output.dense
        self.norm = layer.output.LayerNorm

    def forward(self, hidden: Tensor, groups: Groups) -> Tensor:
        """Hidden states of all tokens, one row a token."""
        attended = self.attention_norm(self.output(self._attend(self.project(hidden), groups)) + hidden)
        return self.norm(self.narrow(self.activation(self.widen(attended))) + attended)  # type: ignore[no-any-return]  # modules return Any

    def _attend(self, projected: Tensor, groups: Groups) -> Tensor:
        parts = []
        for span, (count, length) in zip(torch.split(projected, [c * n for c, n in groups]), groups, strict=True):
            query, key, value = span.view(count, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(query, key, value)
            parts.append(mixed.transpose(1, 2).reshape(count * length, -1))
        return torch.cat(parts)


class PackedEncoder(nn.Module):
    """Embeddings and layers of a `BertModel`, and the mean over each text."""

    def __init__(self, bert: Any) -> None:  # noqa: ANN401 - a `BertModel`, merged
        super().__init__()
        self.words = bert.embeddings.word_embeddings
        self.positions = bert.embeddings.position_embeddings
        self.types = bert.embeddings.token_type_embeddings
        self.norm = bert.embeddings.LayerNorm
        self.layers = nn.ModuleList(
            PackedLayer(layer, heads=bert.config.num_attention_heads) for layer in bert.encoder.layer
        )

    def forward(self, ids: Tensor, groups: Groups) -> Tensor:
        """Mean hidden state of each text, in fp32; `ids` are those of all texts, end to end."""
        positions = torch.cat([torch.arange(length, device=ids.device).repeat(count) for count, length in groups])
        hidden = self.norm(self.words(ids) + self.positions(positions) + self.types.weight[0])
        for layer in self.layers:
            hidden = layer(hidden, groups)
        spans = hidden.float().split([count * length for count, length in groups])
        means = [span.view(count, length, -1).mean(1) for span, (count, length) in zip(spans, groups, strict=True)]
        return torch.cat(means)


def groups_of(rows: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Runs of rows of one length, in order."""
    groups: list[tuple[int, int]] = []
    for row in rows:
        if groups and groups[-1][1] == len(row):
            groups[-1] = (groups[-1][0] + 1, len(row))
        else:
            groups.append((1, len(row)))
    return groups
