"""The network for use: texts laid end to end, no padding, so no work is done for nothing.

All linear layers see one long row of tokens; only attention looks at one text at a time. What a text gets does not
depend on its company but for the last bits of a product of another shape. BERT and MPNet differ in the names of their
weights, in where positions begin, and in the bias that MPNet adds to attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.attention import Attention, Mix, pick_attention
from models.backend import Tokens
from models.batch import lay_out
from models.heads import Affine, Heads, Shares, affine
from models.linear import Linear
from models.merged import Merged, Shape
from models.relative import relative_bias
from monitor.errors import ArtifactError

_ATTENTION = {  #: Names of query, key, value, output and norm within a layer.
    "bert": ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
             "attention.output.LayerNorm"),
    "mpnet": ("attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm"),
}  # fmt: skip


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
    """Encoder and heads; called with rows of tokens it gives the probabilities of all heads."""

    def __init__(self, merged: Merged, *, dtype: torch.dtype, device: torch.device | None = None) -> None:
        """Lay out the weights of `merged` in `dtype`; the heads, four small products, stay in fp32."""
        self._device = device or torch.device("cpu")
        self._epsilon = merged.shape.epsilon
        reader = _Reader(merged, device=self._device, dtype=dtype)
        try:
            self._words = reader.tensor("embeddings.word_embeddings.weight")
            self._places = reader.places()
            self._norm = reader.affine("embeddings.LayerNorm")
            self._layers = [reader.layer(number) for number in range(merged.shape.layers)]
            self._heads = Heads(merged.heads, self._device)
            self._attention = reader.attention(len(self._places))
        except (KeyError, RuntimeError) as err:
            raise ArtifactError(f"the encoder or the adapter lacks weights: {err}") from err

    def __call__(self, rows: Sequence[Tokens]) -> Shares:
        """Probabilities, one row a text; rows of one length should stand together."""
        batch = lay_out(rows, self._device, fill=self._device.type == "cpu")
        hidden = self._words.index_select(0, batch.ids).add_(self._places.index_select(0, batch.places))
        hidden = self._normed(hidden, self._norm)
        mix = self._attention(batch)
        for layer in self._layers:
            hidden = self._run(layer, hidden, mix)
        return self._heads(hidden, batch)

    def _run(self, layer: _Layer, hidden: Tensor, mix: Mix) -> Tensor:
        mixed = mix(layer.project(hidden))
        attended = self._normed(layer.output(mixed, plus=hidden), layer.attention_norm)
        return self._normed(layer.narrow(layer.widen(attended), plus=attended), layer.norm)

    def _normed(self, hidden: Tensor, norm: Affine) -> Tensor:
        return functional.layer_norm(hidden, hidden.shape[-1:], *norm, eps=self._epsilon)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes the weights out of `merged`, as the network wants them."""

    merged: Merged
    device: torch.device
    dtype: torch.dtype

    @property
    def shape(self) -> Shape:
        return self.merged.shape

    def tensor(self, name: str) -> Tensor:
        return self.merged.encoder[name].to(self.device, self.dtype)

    def affine(self, name: str) -> Affine:
        return affine(self.merged.encoder, name, device=self.device, dtype=self.dtype)

    def places(self) -> Tensor:
        """The embeddings of the places in a text, from the first on."""
        table = self.merged.encoder["embeddings.position_embeddings.weight"][self.shape.first_place :]
        if self.shape.kind == "bert":
            # A text is one segment here, so that the embedding of its segment is part of every place.
            table = table + self.merged.encoder["embeddings.token_type_embeddings.weight"][0]
        return table.to(self.device, self.dtype)

    def attention(self, longest: int) -> Attention:
        bias = None
        if self.shape.kind == "mpnet":
            bias = relative_bias(self.merged.encoder["encoder.relative_attention_bias.weight"], longest)
            bias = bias.to(self.device, torch.float32 if self.device.type == "cpu" else self.dtype)
        return pick_attention(self.shape.heads, bias, device=self.device, dtype=self.dtype)

    def layer(self, number: int) -> _Layer:
        prefix = f"encoder.layer.{number}."
        *inputs, output, norm = (self.affine(prefix + name) for name in _ATTENTION[self.shape.kind])
        weights, biases = zip(*inputs, strict=True)
        return _Layer(
            project=Linear(torch.cat(weights), torch.cat(biases)),
            output=Linear(*output),
            attention_norm=norm,
            widen=Linear(*self.affine(f"{prefix}intermediate.dense"), activation="gelu"),
            narrow=Linear(*self.affine(f"{prefix}output.dense")),
            norm=self.affine(f"{prefix}output.LayerNorm"),
        )
