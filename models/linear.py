"""Linear layers, on a CPU their weights laid out once as oneDNN multiplies them.

That, and doing what follows (activation, or the sum with another tensor) while the product is still in the cache, is
worth a tenth of the whole. Where this build of PyTorch has no oneDNN, or the format is fp32, the plain product gives
the same.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TYPICAL_ROWS = 1024  #: For which oneDNN picks the layout; any number works.


class Linear:
    """`activation(x @ weight.T + bias)`, or `x @ weight.T + bias + plus`; for use, not for training."""

    def __init__(self, weight: Tensor, bias: Tensor, *, activation: Literal["none", "gelu"] = "none") -> None:
        self._bias = bias
        self._activation = activation
        self._fused = weight.dtype == torch.bfloat16 and weight.device.type == "cpu" and has_onednn()
        if self._fused:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS)  # noqa: SLF001 - no public name
        self._weight = weight

    def __call__(self, rows: Tensor, *, plus: Tensor | None = None) -> Tensor:
        """One result row a row."""
        if self._fused:
            return self._through_onednn(rows, plus)
        product = functional.linear(rows, self._weight, self._bias)
        if self._activation == "gelu":
            product = functional.gelu(product)
        return product if plus is None else product.add_(plus)

    def _through_onednn(self, rows: Tensor, plus: Tensor | None) -> Tensor:
        product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - no public name
        result: Tensor = (
            product(rows, self._weight, self._bias, self._activation, [], "none")
            if plus is None
            else product.binary(rows, plus, self._weight, self._bias, "add")
        )
        return result


def has_onednn() -> bool:
    """True when this build has the operators."""
    names = ("_reorder_linear_weight", "_linear_pointwise")
    built_in = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return built_in and all(hasattr(torch.ops.mkldnn, name) for name in names)
