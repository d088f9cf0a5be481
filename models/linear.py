"""Linear layers, on a CPU their weights laid out once as oneDNN multiplies them.

That, and doing what follows (activation, or the sum with another tensor) while the product is still in the cache, is
worth a tenth of the whole. Where this build of PyTorch has no oneDNN, or the format is fp32, the plain product gives
the same.

oneDNN sums a row in another order where few rows stand beside it; in bf16 that moves a probability by up to two
hundredths after twelve layers. A layer therefore finds out once from how many rows on that is over, and fills smaller
products up to that many: an answer does not depend on its company, and a lone text takes some milliseconds more.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TYPICAL_ROWS = 1024  #: For which oneDNN picks the layout; any number works.
PROBED_ROWS = (1536, 768, 384, 64)  #: Sizes that `models.batch` fills up to; each that is tried takes memory.

Activation = Literal["none", "gelu"]


class Linear:
    """`activation(x @ weight.T + bias)`, or `x @ weight.T + bias + plus`; for use, not for training."""

    def __init__(self, weight: Tensor, bias: Tensor, *, activation: Activation = "none") -> None:
        self._bias = bias
        self._activation = activation
        self._fused = weight.dtype == torch.bfloat16 and weight.device.type == "cpu" and has_onednn()
        self._least = steady_rows(*weight.shape, torch.get_num_threads()) if self._fused else 0
        self._weight = _laid_out(weight) if self._fused else weight

    def __call__(self, rows: Tensor, *, plus: Tensor | None = None) -> Tensor:
        """One result row a row."""
        if self._fused:
            return self._through_onednn(rows, plus)
        if self._activation == "gelu":
            return self._bent(rows)
        product = functional.linear(rows, self._weight, self._bias)
        return product if plus is None else product.add_(plus)

    def _bent(self, rows: Tensor) -> Tensor:
        if self._weight.is_cuda and self._weight.dtype == torch.bfloat16:
            # Still in the chip; by the formula with tanh, whose error bf16 cannot show.
            return torch._addmm_activation(self._bias, rows, self._weight.t(), use_gelu=True)  # noqa: SLF001 - no public name
        return functional.gelu(functional.linear(rows, self._weight, self._bias))

    def _through_onednn(self, rows: Tensor, plus: Tensor | None) -> Tensor:
        count = len(rows)
        rows, plus = _filled(rows, self._least), None if plus is None else _filled(plus, self._least)
        return _product(rows, self._weight, self._bias, activation=self._activation, plus=plus)[:count]


def has_onednn() -> bool:
    """True when this build has the operators."""
    names = ("_reorder_linear_weight", "_linear_pointwise")
    built_in = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return built_in and all(hasattr(torch.ops.mkldnn, name) for name in names)


@cache
def steady_rows(outputs: int, inputs: int, threads: int) -> int:  # noqa: ARG001 - another number, another order of sums
    """Rows from which on the product of a row is the same to the last bit, however many stand beside it."""
    draw = torch.Generator().manual_seed(0)
    shapes = (PROBED_ROWS[0], inputs), (outputs, inputs), (outputs,)
    rows, weight, bias = (torch.randn(shape, generator=draw, dtype=torch.bfloat16) for shape in shapes)
    weight = _laid_out(weight)
    expected = _product(rows, weight, bias)
    steady = PROBED_ROWS[0]
    for count in PROBED_ROWS[1:]:
        if not torch.equal(_product(rows[:count], weight, bias), expected[:count]):
            break
        steady = count
    return steady


def _laid_out(weight: Tensor) -> Tensor:
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS)  # noqa: SLF001 - no public name
    return laid_out


def _product(
    rows: Tensor, weight: Tensor, bias: Tensor, *, activation: Activation = "none", plus: Tensor | None = None
) -> Tensor:
    operator = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - no public name
    result: Tensor = (
        operator(rows, weight, bias, activation, [], "none")
        if plus is None
        else operator.binary(rows, plus, weight, bias, "add")
    )
    return result


def _filled(rows: Tensor, least: int) -> Tensor:
    return functional.pad(rows, (0, 0, 0, least - len(rows))) if len(rows) < least else rows
