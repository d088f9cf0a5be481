"""The network for a CPU: texts laid end to end, no padding, so no work is done for nothing.

All linear layers see one long row of tokens; only attention looks at one text at a time, texts of one length together.
What a text gets does not depend on its company but for the last bits of a product of another shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.linear import Linear
from models.merged import Merged, Weights
from monitor.errors import ArtifactError

Groups = Sequence[tuple[int, int]]  #: Texts and their length, for each run of texts of one length.
Affine = tuple[Tensor, Tensor]  #: Weight and bias.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One transformer layer, its three input projections as one."""

    project: Linear
    output: Linear
    attention_norm: Affine
    widen: Linear
    narrow: Linear
    norm: Affine


class PackedNetwork:
    """Encoder and heads; called with rows of token ids it gives the logits of topic and sentiment."""

    def __init__(self, merged: Merged, *, dtype: torch.dtype) -> None:
        """Lay out the weights of `merged` in `dtype`; the heads, two small products, stay in fp32."""
        try:
            weights = {name: tensor.to(dtype) for name, tensor in merged.encoder.items() if tensor.dim() > 0}
            self._words = weights["embeddings.word_embeddings.weight"]
            # A text is one segment here, so that the embedding of its segment is part of every position.
            segment = merged.encoder["embeddings.token_type_embeddings.weight"][0]
            self._positions = (merged.encoder["embeddings.position_embeddings.weight"] + segment).to(dtype)
            self._norm = _affine(weights, "embeddings.LayerNorm")
            self._layers = [_layer(weights, f"encoder.layer.{n}.") for n in range(merged.shape.layers)]
            self._topic = _affine(merged.heads, "topic")
            self._sentiment = _affine(merged.heads, "sentiment")
        except (KeyError, RuntimeError) as err:
            raise ArtifactError(f"the encoder or the adapter lacks weights: {err}") from err
        self._heads = merged.shape.heads
        self._epsilon = merged.shape.epsilon

    def __call__(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Logits of the topic and of the sentiment, one row a text; rows of one length should stand together."""
        groups = groups_of(rows)
        ids = torch.tensor([token for row in rows for token in row])
        positions = torch.cat([torch.arange(length).repeat(count) for count, length in groups])
        hidden = self._normed(self._words[ids] + self._positions[positions], self._norm)
        for layer in self._layers:
            hidden = self._run(layer, hidden, groups)
        pooled = _means(hidden.float(), groups)
        return functional.linear(pooled, *self._topic), functional.linear(pooled, *self._sentiment)

    def _run(self, layer: _Layer, hidden: Tensor, groups: Groups) -> Tensor:
        mixed = self._attend(layer.project(hidden), groups)
        attended = self._normed(layer.output(mixed) + hidden, layer.attention_norm)
        return self._normed(layer.narrow(layer.widen(attended)) + attended, layer.norm)

    def _attend(self, projected: Tensor, groups: Groups) -> Tensor:
        parts = []
        for span, (count, length) in zip(_spans(projected, groups), groups, strict=True):
            query, key, value = span.view(count, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(query, key, value)
            parts.append(mixed.transpose(1, 2).reshape(count * length, -1))
        return torch.cat(parts)

    def _normed(self, hidden: Tensor, norm: Affine) -> Tensor:
        return functional.layer_norm(hidden, hidden.shape[-1:], *norm, eps=self._epsilon)


def groups_of(rows: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Runs of rows of one length, in order."""
    groups: list[tuple[int, int]] = []
    for row in rows:
        if groups and groups[-1][1] == len(row):
            groups[-1] = (groups[-1][0] + 1, len(row))
        else:
            groups.append((1, len(row)))
    return groups


def _means(hidden: Tensor, groups: Groups) -> Tensor:
    spans = zip(_spans(hidden, groups), groups, strict=True)
    return torch.cat([span.view(count, length, -1).mean(dim=1) for span, (count, length) in spans])


def _spans(rows: Tensor, groups: Groups) -> Sequence[Tensor]:
    return torch.split(rows, [count * length for count, length in groups])


def _layer(weights: Weights, prefix: str) -> _Layer:
    inputs = [_affine(weights, f"{prefix}attention.self.{name}") for name in ("query", "key", "value")]
    return _Layer(
        project=Linear(torch.cat([weight for weight, _ in inputs]), torch.cat([bias for _, bias in inputs])),
        output=Linear(*_affine(weights, f"{prefix}attention.output.dense")),
        attention_norm=_affine(weights, f"{prefix}attention.output.LayerNorm"),
        widen=Linear(*_affine(weights, f"{prefix}intermediate.dense"), activation="gelu"),
        narrow=Linear(*_affine(weights, f"{prefix}output.dense")),
        norm=_affine(weights, f"{prefix}output.LayerNorm"),
    )


def _affine(weights: Weights, name: str) -> Affine:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]
