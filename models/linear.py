"""Linear layers of a CPU worker, their weights laid out once as oneDNN multiplies them.

That, and the activation done while the product is still in the cache, is worth a tenth of the whole. Where this build
of PyTorch has no oneDNN, or the format is fp32, the plain product gives the same.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TYPICAL_ROWS = 1024  #: For which oneDNN picks the layout; any number works.


class Linear:
    """`activation(x @ weight.T + bias)` for use, not for training."""

    def __init__(self, weight: Tensor, bias: Tensor, *, activation: Literal["none", "gelu"] = "none") -> None:
        self._bias = bias
        self._activation = activation
        self._fused = weight.dtype == torch.bfloat16 and weight.device.type == "cpu" and has_onednn()
        if self._fused:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS)  # noqa: SLF001 - no public name
        self._weight = weight

    def __call__(self, rows: Tensor) -> Tensor:
        """One result row a row."""
        if self._fused:
            result: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - as above
                rows, self._weight, self._bias, self._activation, [], "none"
            )
            return result
        product = functional.linear(rows, self._weight, self._bias)
        return functional.gelu(product) if self._activation == "gelu" else product


def has_onednn() -> bool:
    """True when this build has the two operators."""
    names = ("_reorder_linear_weight", "_linear_pointwise")
    built_in = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return built_in and all(hasattr(torch.ops.mkldnn, name) for name in names)
