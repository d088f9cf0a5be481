"""The linear layers of a CPU worker against the plain product."""

from __future__ import annotations

import pytest
import torch

from models.linear import Linear, has_onednn


@pytest.fixture
def parts() -> tuple[torch.Tensor, ...]:
    """Weight, bias, rows, and a tensor to add."""
    generator = torch.Generator().manual_seed(5)
    return tuple(torch.randn(shape, generator=generator).bfloat16() for shape in ((48, 32), (48,), (7, 32), (7, 48)))


@pytest.mark.parametrize("kind", ["none", "gelu", "plus"])
def test_the_fused_product_is_the_plain_one(
    kind: str, parts: tuple[torch.Tensor, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operators under it have no public name; should one change its meaning, this fails and not the labels."""
    weight, bias, rows, more = parts

    def product() -> torch.Tensor:
        if kind == "plus":
            return Linear(weight, bias)(rows, plus=more)
        return Linear(weight, bias, activation="gelu" if kind == "gelu" else "none")(rows)

    fused = product()
    monkeypatch.setattr("models.linear.has_onednn", lambda: False)
    torch.testing.assert_close(fused, product(), atol=0.05, rtol=0.02)


def test_what_is_added_is_left_as_it_was(parts: tuple[torch.Tensor, ...]) -> None:
    """It is needed again after the product; an operator that summed in place would spoil it."""
    weight, bias, rows, more = parts
    before = more.clone()
    Linear(weight, bias)(rows, plus=more)
    Linear(weight.float(), bias.float())(rows.float(), plus=more.float())
    assert torch.equal(more, before)


@pytest.mark.skipif(not has_onednn(), reason="the plain product is all there is here")
@pytest.mark.parametrize("shape", [(384, 1536), (768, 768), (48, 32)])
def test_a_row_is_the_same_to_the_last_bit_whatever_stands_beside_it(shape: tuple[int, int]) -> None:
    """Rounded otherwise in one layer, a probability differs by hundredths after twelve; labels hang on batches then."""
    draw = torch.Generator().manual_seed(6)
    outputs, inputs = shape
    layer = Linear(torch.randn(shape, generator=draw).bfloat16(), torch.randn(outputs, generator=draw).bfloat16())
    rows = torch.randn(1536, inputs, generator=draw).bfloat16()
    more = torch.randn(1536, outputs, generator=draw).bfloat16()
    together, summed = layer(rows), layer(rows, plus=more)
    for count in (1, 64, 96, 256, 384, 768, 1024):
        assert torch.equal(layer(rows[:count]), together[:count])
        assert torch.equal(layer(rows[:count], plus=more[:count]), summed[:count])
