"""Lay the tokens of a batch end to end: rows of tokens in, tensors on the device out.

For a CPU the row of tokens is filled up to one of a few sizes: a product of a size that was not met before costs
oneDNN as long to prepare as the whole batch to compute, and memory that it keeps. To a GPU all of them travel as one
copy from pinned memory, beside the work in hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.backend import Tokens

Integers = NDArray[np.int32]

LEAST = 64  #: Tokens of the smallest row on a CPU.


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Texts end to end; the tensors are 32-bit integers. Tokens behind the last text belong to none."""

    lengths: tuple[int, ...]  #: Tokens of each text.
    ids: Tensor  #: Of every token.
    places: Tensor  #: Of every token in its text, from 0.
    starts: Tensor  #: Where each text begins, and where the last one ends.
    owners: Tensor  #: Per entity, the number of its text.
    named: Tensor  #: Tokens that name entities, entity after entity.
    bags: Tensor  #: Where the tokens of each entity begin in `named`.
    found: Tensor  #: Per entity, 1 where tokens name it, else 0.


def lay_out(rows: Sequence[Tokens], device: torch.device, *, fill: bool = False) -> Batch:
    """The batch of `rows`, in their order; `fill` adds tokens that belong to no text, up to one of a few sizes."""
    lengths = [len(row.ids) for row in rows]
    starts = _sums(lengths)
    spans = [span for row in rows for span in row.spans]
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), [len(row.spans) for row in rows])
    sizes = [len(span) for span in spans]
    more = size_for(int(starts[-1])) - int(starts[-1]) if fill else 0
    parts = {
        "ids": np.pad(_flat((row.ids for row in rows), int(starts[-1])), (0, more)),
        "places": np.pad(np.arange(starts[-1], dtype=np.int32) - np.repeat(starts[:-1], lengths), (0, more)),
        "starts": starts,
        "owners": owners,
        "named": _flat(spans, sum(sizes)) + np.repeat(starts[owners], sizes),
        "bags": _sums(sizes)[:-1],
        "found": np.asarray([size > 0 for size in sizes], dtype=np.int32),
    }
    return Batch(lengths=tuple(lengths), **dict(zip(parts, _moved(list(parts.values()), device), strict=True)))


def size_for(tokens: int) -> int:
    """The least of 64, 96, 128, 192, 256, 384 and so on that holds `tokens`."""
    size = LEAST
    while size < tokens:
        if size // 2 * 3 >= tokens:
            return size // 2 * 3
        size *= 2
    return size


def groups_of(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """How many texts of which length stand together, in order."""
    groups: list[tuple[int, int]] = []
    for length in lengths:
        if groups and groups[-1][1] == length:
            groups[-1] = (groups[-1][0] + 1, length)
        else:
            groups.append((1, length))
    return groups


def _sums(sizes: Sequence[int]) -> Integers:
    return np.cumsum([0, *sizes], dtype=np.int32)


def _flat(parts: Iterable[Sequence[int]], count: int) -> Integers:
    return np.fromiter(chain.from_iterable(parts), dtype=np.int32, count=count)


def _moved(arrays: Sequence[Integers], device: torch.device) -> Sequence[Tensor]:
    if device.type == "cpu":
        return [torch.from_numpy(array) for array in arrays]
    together = torch.from_numpy(np.concatenate(arrays)).pin_memory().to(device, non_blocking=True)
    return torch.split(together, [len(array) for array in arrays])
