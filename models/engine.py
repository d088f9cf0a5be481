"""The backend in torch: an adapter merged into its encoder, on the device and in the number format of the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.artifacts import Adapter
from models.backend import Answers, DeviceMemoryError
from models.encoders import obtain_encoder
from models.hardware import pick_device, pick_dtype
from models.merged import read_merged
from models.packed import PackedNetwork
from models.tokens import read_tokenizer
from monitor.settings import ClassifierSettings

CPU_BUDGET = 1024  #: Padded tokens a batch; more leaves the caches, less wastes the calls.
GPU_BUDGET = 32_768

Network = Callable[[Sequence[Sequence[int]]], tuple[Tensor, Tensor]]
"""Rows of token ids to the logits of topic and sentiment."""


class TorchEngine:
    """The port `Backend` over torch."""

    def __init__(self, network: Network, tokenizer: Tokenizer, *, device: torch.device, dtype: torch.dtype) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self.device = device.type  #: `cpu` or `cuda`.
        self.precision = "bf16" if dtype == torch.bfloat16 else "fp32"
        self.default_budget = CPU_BUDGET if device.type == "cpu" else GPU_BUDGET  #: Where the settings say nothing.

    def tokenise(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """Token ids of each text, cut to the longest that the encoder takes."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def run(self, rows: Sequence[Sequence[int]]) -> Answers:
        """Probabilities of `rows`; rows of one length should stand together."""
        try:
            with torch.inference_mode():
                topic, sentiment = self._network(rows)
                return Answers(topics=_probabilities(topic), sentiments=_probabilities(sentiment))
        except torch.OutOfMemoryError as err:
            torch.cuda.empty_cache()
            raise DeviceMemoryError(str(err)) from err


def load_engine(adapter: Adapter, settings: ClassifierSettings) -> TorchEngine:
    """Load a checked adapter and its encoder as the settings say."""
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.precision, device.type)
    torch.set_num_threads(settings.threads)
    # The tokeniser's own threads obey the same setting; it reads this once, before its first batch.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if settings.threads > 1 else "false")
    encoder = obtain_encoder(adapter.manifest.base, folder=settings.encoder)
    tokenizer = read_tokenizer(encoder, max_tokens=adapter.manifest.max_tokens)
    network = read_packed(encoder, adapter.folder, dtype) if device.type == "cpu" else _padded(
        encoder, adapter, device, dtype
    )  # fmt: skip
    return TorchEngine(network, tokenizer, device=device, dtype=dtype)


def read_packed(encoder: Path, adapter: Path, dtype: torch.dtype) -> PackedNetwork:
    """The network for a CPU, of two checked folders."""
    return PackedNetwork(read_merged(encoder, adapter), dtype=dtype)


def _padded(encoder: Path, adapter: Adapter, device: torch.device, dtype: torch.dtype) -> Network:
    from models.architecture import read_network  # noqa: PLC0415 - transformers takes eight seconds; a CPU needs none
    from models.padded import PaddedNetwork  # noqa: PLC0415 - as above

    network = read_network(encoder, adapter.folder, topics=len(adapter.manifest.topics))
    return PaddedNetwork(network, device=device, dtype=dtype)


def _probabilities(logits: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = logits.float().softmax(-1).cpu().numpy()
    return values
