"""Attention over texts that lie end to end: three ways to one result.

Each takes the three projections of all tokens side by side and gives back one row a token. Which is fastest hangs on
the device: a CPU takes the texts of one length together; a GPU without bias has a kernel for rows of any length; all
else is laid into a padded grid with a mask. The two ways of a GPU have not been measured on one.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from models.batch import Batch, groups_of

GRID = 8  #: Texts are padded to multiples of this; the kernels want a bias aligned so, and shapes repeat.

Varlen = Callable[..., Tensor | tuple[Tensor, Tensor]]


class Attention(Protocol):
    """Mixes the tokens of each text."""

    def __call__(self, projected: Tensor, batch: Batch) -> Tensor:
        """Tokens x (query, key, value) to tokens x width."""


class GroupedAttention:
    """One call for each run of texts of one length: no token is computed for nothing."""

    def __init__(self, heads: int, bias: Tensor | None) -> None:
        """`bias` is heads x longest x longest, added to the scores."""
        self._heads = heads
        self._bias = bias

    def __call__(self, projected: Tensor, batch: Batch) -> Tensor:
        """Tokens x (query, key, value) to tokens x width."""
        groups = groups_of(batch.lengths)
        spans = torch.split(projected, [count * length for count, length in groups])
        parts = [self._mix(span, *group) for span, group in zip(spans, groups, strict=True)]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _mix(self, span: Tensor, count: int, length: int) -> Tensor:
        query, key, value = span.view(count, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        bias = None if self._bias is None else self._bias[:, :length, :length]
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return mixed.transpose(1, 2).reshape(count * length, -1)


class PaddedAttention:
    """One call for the whole batch, laid into a grid as wide as its longest text."""

    def __init__(self, heads: int, bias: Tensor | None) -> None:
        """`bias` is heads x longest x longest, added to the scores."""
        self._heads = heads
        self._bias = bias

    def __call__(self, projected: Tensor, batch: Batch) -> Tensor:
        """Tokens x (query, key, value) to tokens x width."""
        count, length = len(batch.lengths), -(-max(batch.lengths) // GRID) * GRID
        lengths = batch.starts.diff()
        there = torch.arange(length, device=projected.device) < lengths.unsqueeze(1)
        rows = torch.arange(count, device=projected.device).repeat_interleave(lengths, output_size=len(projected))
        slots = rows * length + batch.places
        grid = projected.new_zeros(count * length, projected.shape[1]).index_copy_(0, slots, projected)
        query, key, value = grid.view(count, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        mask = self._mask(there, length, projected.dtype)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(1, 2).reshape(count * length, -1).index_select(0, slots)

    def _mask(self, there: Tensor, length: int, dtype: torch.dtype) -> Tensor:
        keys = there[:, None, None, :]
        if self._bias is None:
            return keys
        return self._bias[:, :length, :length].to(dtype).masked_fill(~keys, float("-inf"))


class VarlenAttention:
    """One call of a kernel that takes texts of any length as they lie."""

    def __init__(self, heads: int, kernel: Varlen) -> None:
        self._heads = heads
        self._kernel = kernel

    def __call__(self, projected: Tensor, batch: Batch) -> Tensor:
        """Tokens x (query, key, value) to tokens x width."""
        query, key, value = projected.view(len(projected), 3, self._heads, -1).unbind(1)
        longest = max(batch.lengths)
        # One split: with more, the order of the sums would hang on the longest text of the batch.
        mixed = self._kernel(query, key, value, batch.starts, batch.starts, longest, longest, num_splits=1)
        return (mixed if isinstance(mixed, Tensor) else mixed[0]).reshape(len(projected), -1)


def pick_attention(heads: int, bias: Tensor | None, *, device: torch.device, dtype: torch.dtype) -> Attention:
    """The fastest way on `device`."""
    if device.type == "cpu":
        return GroupedAttention(heads, bias)
    kernel = find_varlen(device) if bias is None and dtype == torch.bfloat16 else None
    return PaddedAttention(heads, bias) if kernel is None else VarlenAttention(heads, kernel)


def find_varlen(device: torch.device) -> Varlen | None:
    """The kernel for texts of any length, where this PyTorch and this GPU (Ampere or later) have it."""
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - newer than the oldest PyTorch that serves
    except ImportError:
        return None
    has_splits = "num_splits" in signature(varlen_attn).parameters
    return varlen_attn if has_splits and torch.cuda.get_device_capability(device) >= (8, 0) else None
