"""How fast this machine multiplies matrices, and how much of that an encoder needs: the yardstick of the classifier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional

from tests.bench.reference import Way

SIZES = {"cpu": (1024, 2048), "cuda": (8192,)}  #: Square products; the best of them is the peak.
WORK = {"cpu": 2e11, "cuda": 2e13}  #: Operations a call: some tenths of a second in bf16.


def peak_ways(precision: str, device: str) -> dict[str, Way]:
    """Products of square matrices; a call returns the millions of operations it did."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return {f"product {size}": _product(size, dtype, device) for size in SIZES[device]}


def _product(size: int, dtype: torch.dtype, device: str) -> Way:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(size, size, generator=generator).to(device, dtype) for _ in range(2))
    repeats = max(1, round(WORK[device] / (2 * size**3)))

    def run() -> int:
        for _ in range(repeats):
            functional.linear(left, right)
        if device == "cuda":
            torch.cuda.synchronize()
        return repeats * 2 * size**3 // 1_000_000

    return run


def operations(encoder: Path, lengths: Sequence[int]) -> float:
    """Floating-point operations of the encoder on texts of `lengths` tokens: linear layers and attention."""
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    width, inner, layers = (config[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    linear = 2 * (4 * width**2 + 2 * width * inner)
    return float(layers * sum(length * (linear + 4 * length * width) for length in lengths))
