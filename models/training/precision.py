"""Train in bf16 without losing small steps: the network computes in bf16, the optimiser keeps its parameters in fp32.

A step of a thousandth of a parameter vanishes in the eight bits of bf16's fraction; so each trainable parameter of the
encoder has a copy in fp32 that the optimiser moves, and that is rounded into the network after each step (Micikevicius
et al., Mixed precision training, 2018). Without bf16 in the hardware everything is fp32 and there is no copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class MasterWeights:
    """The trainable parameters of `network`, of which those of `network.encoder` compute in `dtype`."""

    def __init__(self, network: nn.Module, *, dtype: torch.dtype) -> None:
        self._masters: dict[nn.Parameter, Tensor] = {}
        self._encoder = network.get_submodule("encoder")
        for parameter in self._encoder.parameters():
            if parameter.requires_grad and dtype != torch.float32:
                self._masters[parameter] = parameter.detach().clone().float().requires_grad_()
            parameter.data = parameter.data.to(dtype)
        self._named = {name: p for name, p in network.named_parameters() if p.requires_grad}

    def of(self, module: nn.Module) -> list[Tensor]:
        """What the optimiser moves for the trainable parameters of `module`."""
        return [self._masters.get(p, p) for p in module.parameters() if p.requires_grad]

    def all(self) -> Iterator[Tensor]:
        """What the optimiser moves."""
        return (self._masters.get(p, p) for p in self._named.values())

    def take_gradients(self) -> None:
        """Hand the gradients of the network to the copies; call before the optimiser's step."""
        for parameter, master in self._masters.items():
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None

    def give_values(self) -> None:
        """Round the copies into the network; call after the optimiser's step."""
        with torch.no_grad():
            for parameter, master in self._masters.items():
                parameter.copy_(master)

    def state(self) -> dict[str, Tensor]:
        """The parameters in fp32, by name; a copy."""
        return {name: self._masters.get(p, p).detach().clone().float() for name, p in self._named.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` gave."""
        with torch.no_grad():
            for name, parameter in self._named.items():
                self._masters.get(parameter, parameter).copy_(state[name])
        self.give_values()

    def finish(self) -> None:
        """Put everything into the network in fp32; nothing is trained after."""
        for parameter in self._encoder.parameters():
            parameter.data = self._masters.pop(parameter, parameter).detach().float()
