"""The network for a GPU: padded rows with a mask, through transformers and PEFT.

There many small products cost more than padding does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architecture import TwoHeads


class PaddedNetwork:
    """Encoder and heads; called with rows of token ids it gives the logits of topic and sentiment."""

    def __init__(self, network: TwoHeads, *, device: torch.device, dtype: torch.dtype) -> None:
        """Take over `network`; its heads, two small products, stay in fp32."""
        self._device = device
        self._network = network.to(device)
        self._network.encoder.to(dtype)

    def __call__(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Logits of the topic and of the sentiment, one row a text."""
        lengths = np.asarray([len(row) for row in rows])
        ids = np.zeros((len(rows), int(lengths.max())), dtype=np.int64)
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
        logits: tuple[Tensor, Tensor] = self._network(self._moved(ids), self._moved(mask.astype(np.int64)))
        return logits

    def _moved(self, values: NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(values)
        if self._device.type == "cuda":  # pinned, the copy runs beside the work in hand
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor
