"""The relative position bias of MPNet: what a token adds to its attention to another by how far that one stands.

One table, shared by all layers. Near distances have a row each, far ones share rows in steps that grow (as in T5), and
either side has rows of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FARTHEST = 128  #: From this distance on all are one.


def relative_bias(table: Tensor, length: int) -> Tensor:
    """Heads x `length` x `length`, from a `table` of rows x heads.

    It depends on the distance alone, so its upper left corner is the bias of a shorter text.
    """
    places = torch.arange(length)
    rows = _rows(places[None, :] - places[:, None], len(table) // 2)
    return table[rows].permute(2, 0, 1).contiguous()


def _rows(distance: Tensor, count: int) -> Tensor:
    """Row of the table for each `distance` of key to query; `count` rows a side."""
    exact = count // 2
    near = distance.abs()
    steps = torch.log(near.clamp(min=1).float() / exact) / math.log(FARTHEST / exact) * (count - exact)
    far = (exact + steps.long()).clamp(max=count - 1)
    return torch.where(near < exact, near, far) + (distance > 0) * count
