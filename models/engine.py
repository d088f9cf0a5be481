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
from models.backend import Answers, DeviceMemoryError, Landing, Tokens
from models.encoders import obtain_encoder
from models.hardware import give_back_memory, pick_device, pick_dtype
from models.heads import Shares
from models.merged import read_merged
from models.packed import PackedNetwork
from models.tokens import Surfaces, read_tokenizer, tokenise, unknown_id
from monitor.settings import ClassifierSettings

CPU = torch.device("cpu")
CPU_BUDGET = 1536  #: Tokens a batch; more takes memory, less wastes the calls.
GPU_BUDGET = 32_768
CPU_WINDOW = 4096  #: Texts sorted together; beyond it the memory of a huge call would grow, and nothing be gained.
GPU_WINDOW = 1024  #: About two batches: while they run, the next are tokenised.
TIDY_AFTER = 4  #: Batches on a CPU; it takes some milliseconds.
WARM_UP_CPU = (16, 128)
WARM_UP_GPU = (16, 32, 64, 128, 256, 512)  #: Every shape picks its kernels and its memory once.

Network = Callable[[Sequence[Tokens]], Shares]
"""Rows of tokens to probabilities."""


class TorchEngine:
    """The port `Backend` over torch."""

    def __init__(self, network: Network, tokenizer: Tokenizer, *, device: torch.device, dtype: torch.dtype) -> None:
        is_cpu = device.type == "cpu"
        self._network = network
        self._tokenizer = tokenizer
        self.unknown = unknown_id(tokenizer)  #: Id of the token for what the vocabulary lacks, where there is one.
        self._started = 0  #: Batches so far.
        self.device = device.type  #: `cpu` or `cuda`.
        self.precision = "bf16" if dtype == torch.bfloat16 else "fp32"
        self.default_budget = CPU_BUDGET if is_cpu else GPU_BUDGET  #: Where the settings say nothing.
        self.window = CPU_WINDOW if is_cpu else GPU_WINDOW  #: Texts sorted together.
        self.fills = is_cpu  #: Short texts take the room that long ones leave in a batch.
        self.ahead = 0 if is_cpu else 2  #: Windows tokenised in advance; on a CPU both would want the same core.
        self.warm_up_lengths = WARM_UP_CPU if is_cpu else WARM_UP_GPU  #: Tokens of the texts to warm up with.

    def tokenise(self, texts: Sequence[str], surfaces: Sequence[Surfaces]) -> Sequence[Tokens]:
        """Tokens of each text, cut to the longest that the encoder takes; per text and entity its surfaces."""
        return tokenise(self._tokenizer, texts, surfaces)

    def run(self, rows: Sequence[Tokens]) -> Answers:
        """Probabilities of `rows`; rows of one length should stand together."""
        return self.start(rows)()

    def start(self, rows: Sequence[Tokens]) -> Landing:
        """Begin with `rows`: on a GPU what they give is copied back while the caller does something else."""
        self._tidy()
        try:
            with torch.inference_mode():
                return _landing(self._network(rows))
        except torch.OutOfMemoryError as err:
            torch.cuda.empty_cache()
            raise DeviceMemoryError(str(err)) from err

    def _tidy(self) -> None:
        self._started += 1
        if self.device == "cpu" and self._started % TIDY_AFTER == 0:
            give_back_memory()


def load_engine(adapter: Adapter, settings: ClassifierSettings) -> TorchEngine:
    """Load a checked adapter and its encoder as the settings say."""
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.precision, device.type)
    torch.set_num_threads(settings.threads)
    # The tokeniser's own threads obey the same setting; it reads this once, before its first batch.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if settings.threads > 1 else "false")
    encoder = obtain_encoder(adapter.manifest.base, folder=settings.encoder)
    tokenizer = read_tokenizer(encoder, max_tokens=adapter.manifest.max_tokens)
    network = read_packed(encoder, adapter.folder, dtype, device=device)
    give_back_memory()
    return TorchEngine(network, tokenizer, device=device, dtype=dtype)


def read_packed(encoder: Path, adapter: Path, dtype: torch.dtype, *, device: torch.device = CPU) -> PackedNetwork:
    """The network of two checked folders."""
    return PackedNetwork(read_merged(encoder, adapter), dtype=dtype, device=device)


def _landing(shares: Shares) -> Landing:
    # Towards the CPU this is pinned memory; on a CPU it is no copy at all.
    parts = [tensor.to(CPU, non_blocking=True)
             for tensor in (shares.topics, shares.sentiments, shares.finance, shares.entities)]  # fmt: skip
    arrived = None
    if shares.topics.is_cuda:
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        arrived.record()

    def land() -> Answers:
        if arrived is not None:
            arrived.synchronize()
        topics, sentiments, finance, entities = (_array(part) for part in parts)
        return Answers(topics=topics, sentiments=sentiments, finance=finance, entities=entities)

    return land


def _array(tensor: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = tensor.numpy()
    return values
