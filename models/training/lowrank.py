"""Full fine-tuning, kept as small as LoRA: all linear layers learn, and what they learnt is stored as low-rank factors.

The best factors of a given rank are those of the singular value decomposition (Eckart and Young, 1936). What they leave
out is measured: calibration and scores are those of the adapter as it is stored.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from models.architecture import LINEAR_LAYERS, Encoder, add_lora

SLACK = 8  #: More singular values than are kept, for the randomised decomposition to find them well.


def open_linear_layers(encoder: Encoder) -> Encoder:
    """Let the weights of all linear layers learn, and nothing else; biases could not be stored as factors."""
    encoder.requires_grad_(requires_grad=False)
    for name, module in encoder.named_modules():
        if is_open(encoder, name, module):
            module.weight.requires_grad_(requires_grad=True)
    return encoder


def is_open(encoder: Encoder, name: str, module: nn.Module) -> bool:
    """True for a linear layer that LoRA would stand beside."""
    ends = LINEAR_LAYERS[encoder.config.model_type]
    return isinstance(module, nn.Linear) and any(name == end or name.endswith(f".{end}") for end in ends)


def as_lora(trained: Encoder, base: Encoder, *, rank: int, alpha: int) -> PeftModel:
    """`base` with LoRA matrices that lead as near to `trained` as their rank can."""
    learnt = {name: module.weight.detach().float() for name, module in trained.named_modules()
              if is_open(trained, name, module)}  # fmt: skip
    plain = {name: module.weight.detach().float().clone() for name, module in base.named_modules() if name in learnt}
    lora = add_lora(base, rank=rank, alpha=alpha, dropout=0.0)
    layers: dict[str, Any] = dict(lora.get_base_model().named_modules())
    with torch.no_grad():
        for name, weight in learnt.items():
            down, up = factors(weight - plain[name], rank)
            layers[name].lora_A["default"].weight.copy_(down)
            layers[name].lora_B["default"].weight.copy_(up * (rank / alpha))
    return lora


def factors(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """`down` (rank x in) and `up` (out x rank) whose product is the nearest to `matrix`; both of the same size."""
    kept = min(rank, *matrix.shape)
    left, values, right = torch.svd_lowrank(matrix, q=min(kept + SLACK, *matrix.shape), niter=4)
    roots = values[:kept].sqrt()
    down, up = matrix.new_zeros(rank, matrix.shape[1]), matrix.new_zeros(matrix.shape[0], rank)
    down[:kept] = roots[:, None] * right[:, :kept].T
    up[:, :kept] = left[:, :kept] * roots
    return down, up
