"""Attention over texts that lie end to end: three ways to one result.

For a batch each gives the function that takes the three projections of all tokens side by side and gives back one row
a token; what hangs on the batch alone is done once and not in every layer. Which way is fastest hangs on the device: a
CPU takes the texts of one length together; a GPU without bias has a kernel for texts of any length; all else is laid
into a padded grid with a mask, for which texts of one length are taken as they lie. What each is worth was measured
on a GPU: docs/models.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import signature
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from models.batch import Batch, groups_of

CPU_STEP = 16  #: Keys a text in a CPU's kernel: what is left over of a vector costs it as much as all the rest.
GPU_STEP = 8  #: The kernels want a bias aligned so, and shapes repeat.

Mix = Callable[[Tensor], Tensor]
"""Tokens x (query, key, value) to tokens x width."""

Varlen = Callable[..., Tensor | tuple[Tensor, Tensor]]


class Attention(Protocol):
    """Mixes the tokens of each text."""

    def __call__(self, batch: Batch) -> Mix:
        """What mixes the tokens of `batch`, layer after layer."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Texts of one length that lie one after the other."""

    first: int  #: Token with which the first of them begins.
    count: int
    length: int
    keys: int  #: Tokens that each is compared with: its own, and those that fill a vector.
    mask: Tensor | None  #: Added to the scores; shuts out what is not its own.

    @property
    def end(self) -> int:
        """Token behind the last."""
        return self.first + self.count * self.length

    def heads_of(self, projected: Tensor, heads: int) -> tuple[Tensor, ...]:
        """Query, key and value as texts x heads x tokens x size, without a copy.

        Keys and values beyond a text are those of its neighbour; the last text may lack one.
        """
        first, more = self.first, self.keys - self.length
        if self.end + more > len(projected):
            projected, first = functional.pad(projected[first : self.end], (0, 0, 0, more)), 0
        width = projected.shape[1]
        size = width // 3 // heads
        steps, offset = (self.length * width, size, width, 1), projected.storage_offset() + first * width
        return tuple(
            projected.as_strided((self.count, heads, tokens, size), steps, offset + part * heads * size)
            for part, tokens in enumerate((self.length, self.keys, self.keys))
        )


class GroupedAttention:
    """One call for each run of texts of one length: no query is computed for nothing."""

    def __init__(self, heads: int, bias: Tensor | None) -> None:
        """`bias` is heads x longest x longest, added to the scores."""
        self._heads = heads
        self._bias = bias

    def __call__(self, batch: Batch) -> Mix:
        """What mixes the tokens of `batch`, layer after layer."""
        groups = list(self._groups(batch))

        def mix(projected: Tensor) -> Tensor:
            rows = projected.new_empty(len(projected), projected.shape[1] // 3)
            for group in groups:
                query, key, value = group.heads_of(projected, self._heads)
                mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=group.mask)
                rows[group.first : group.end] = mixed.transpose(1, 2).reshape(-1, rows.shape[1])
            rows[groups[-1].end :] = (
                0  # they are keys to the last text, shut out; what is not a number would get through
            )
            return rows

        return mix

    def _groups(self, batch: Batch) -> Iterator[_Group]:
        first = 0
        for count, length in groups_of(batch.lengths):
            keys = _rounded(length, CPU_STEP)
            yield _Group(first, count, length, keys, self._mask(length, keys))
            first += count * length

    def _mask(self, length: int, keys: int) -> Tensor | None:
        if self._bias is None and keys == length:
            return None
        own = torch.zeros(1, 1, 1, length) if self._bias is None else self._bias[None, :, :length, :length]
        return functional.pad(own, (0, keys - length), value=float("-inf"))  # of four dimensions, else the slow kernel


class PaddedAttention:
    """One call for the whole batch, laid into a grid as wide as its longest text."""

    def __init__(self, heads: int, bias: Tensor | None) -> None:
        """`bias` is heads x longest x longest, added to the scores."""
        self._heads = heads
        self._bias = bias

    def __call__(self, batch: Batch) -> Mix:
        """What mixes the tokens of `batch`, layer after layer."""
        count, length = len(batch.lengths), _rounded(max(batch.lengths), GPU_STEP)
        if min(batch.lengths) == length:
            return self._as_they_lie(count, length)
        return self._through_a_grid(batch, count, length)

    def _as_they_lie(self, count: int, length: int) -> Mix:
        """Texts of one length are a grid already: nothing is copied, and all share one bias."""
        bias = None if self._bias is None else self._bias[None, :, :length, :length].contiguous()
        return lambda projected: self._mixed(projected, count, length, bias)

    def _through_a_grid(self, batch: Batch, count: int, length: int) -> Mix:
        """Each place of the grid takes its token; one without gets the text's last, which the mask shuts out."""
        lengths, device = batch.starts.diff(), batch.ids.device
        places = torch.arange(length, device=device)
        there = places < lengths.unsqueeze(1)
        tokens = (batch.starts[:-1, None] + torch.minimum(places, lengths.unsqueeze(1) - 1)).flatten()
        rows = torch.arange(count, device=device).repeat_interleave(lengths, output_size=len(batch.ids))
        slots = rows * length + batch.places
        mask = self._mask(there)

        def mix(projected: Tensor) -> Tensor:
            # To gather is several times as fast as to scatter.
            return self._mixed(projected.index_select(0, tokens), count, length, mask).index_select(0, slots)

        return mix

    def _mixed(self, grid: Tensor, count: int, length: int, mask: Tensor | None) -> Tensor:
        query, key, value = grid.view(count, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(1, 2).reshape(count * length, -1)

    def _mask(self, there: Tensor) -> Tensor:
        keys = there[:, None, None, :]
        length = there.shape[1]
        return keys if self._bias is None else self._bias[:, :length, :length].masked_fill(~keys, float("-inf"))


class VarlenAttention:
    """One call of a kernel that takes texts of any length as they lie."""

    def __init__(self, heads: int, kernel: Varlen) -> None:
        self._heads = heads
        self._kernel = kernel

    def __call__(self, batch: Batch) -> Mix:
        """What mixes the tokens of `batch`, layer after layer."""
        longest = max(batch.lengths)

        def mix(projected: Tensor) -> Tensor:
            query, key, value = projected.view(len(projected), 3, self._heads, -1).unbind(1)
            # One split: with more, the order of the sums would hang on the longest text of the batch.
            mixed = self._kernel(query, key, value, batch.starts, batch.starts, longest, longest, num_splits=1)
            return (mixed if isinstance(mixed, Tensor) else mixed[0]).reshape(len(projected), -1)

        return mix


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


def _rounded(length: int, step: int) -> int:
    return -(-length // step) * step
