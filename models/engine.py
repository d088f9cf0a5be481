"""The backend in torch: an adapter merged into its encoder, on the device and in the number format of the settings.

On a CPU texts run packed, end to end without padding. On a GPU, where many small products cost more than padding, they
run padded with a mask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.architecture import TwoHeads, read_network, read_tokenizer
from models.artifacts import Adapter
from models.backend import Answers, DeviceMemoryError
from models.encoders import obtain_encoder
from models.hardware import pick_device, pick_dtype
from models.packed import PackedEncoder, groups_of
from monitor.settings import ClassifierSettings

CPU_BUDGET = 1024  #: Padded tokens a batch; more leaves the caches, less wastes the calls.
GPU_BUDGET = 32_768


class TorchEngine:
    """The port `Backend` over torch."""

    def __init__(
        self,
        network: TwoHeads,
        tokenizer: Tokenizer,
        *,
        device: torch.device,
        dtype: torch.dtype,
        packed: bool | None = None,
    ) -> None:
        """Take over `network`; `packed` left out: packed on a CPU, padded elsewhere."""
        self._tokenizer = tokenizer
        self._device = device
        self._dtype = dtype
        network.to(device).encoder.to(dtype)  # the heads stay fp32: two small products
        self._network = network
        self._packed: PackedEncoder | None = None
        if device.type == "cpu" if packed is None else packed:
            self._packed = PackedEncoder(network.encoder).to(device, dtype).eval()

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        return self._device.type

    @property
    def precision(self) -> str:
        """`bf16` or `fp32`."""
        return "bf16" if self._dtype == torch.bfloat16 else "fp32"

    @property
    def default_budget(self) -> int:
        """Padded tokens a batch, where the settings say nothing."""
        return CPU_BUDGET if self._packed else GPU_BUDGET

    def tokenise(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """Token ids of each text, cut to the longest that the encoder takes."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def run(self, rows: Sequence[Sequence[int]]) -> Answers:
        """Probabilities of `rows`; rows of one length should stand together."""
        try:
            with torch.inference_mode():
                topic, sentiment = self._run_packed(self._packed, rows) if self._packed else self._run_padded(rows)
                return Answers(topics=_probabilities(topic), sentiments=_probabilities(sentiment))
        except torch.OutOfMemoryError as err:
            torch.cuda.empty_cache()
            raise DeviceMemoryError(str(err)) from err

    def _run_packed(self, encoder: PackedEncoder, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        ids = torch.tensor([token for row in rows for token in row], device=self._device)
        pooled = encoder(ids, groups_of(rows))
        return self._network.topic(pooled), self._network.sentiment(pooled)

    def _run_padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        lengths = np.asarray([len(row) for row in rows])
        ids = np.zeros((len(rows), int(lengths.max())), dtype=np.int64)
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
        answer: tuple[Tensor, Tensor] = self._network(self._to_device(ids), self._to_device(mask.astype(np.int64)))
        return answer

    def _to_device(self, values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Tensor:
        tensor = torch.from_numpy(values)
        if self._device.type == "cuda":  # pinned, the copy runs beside the work in hand
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)


def load_engine(adapter: Adapter, settings: ClassifierSettings) -> TorchEngine:
    """Load a checked adapter and its encoder as the settings say."""
    device = pick_device(settings.device)
    torch.set_num_threads(settings.threads)
    # The tokeniser's own threads obey the same setting; it reads this once, before its first batch.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if settings.threads > 1 else "false")
    encoder = obtain_encoder(adapter.manifest.base, folder=settings.encoder)
    network = read_network(encoder, adapter.folder, topics=len(adapter.manifest.topics))
    tokenizer = read_tokenizer(encoder, max_tokens=adapter.manifest.max_tokens)
    return TorchEngine(network, tokenizer, device=device, dtype=pick_dtype(settings.precision, device.type))


def _probabilities(logits: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = logits.float().softmax(-1).cpu().numpy()
    return values
