"""What others do with the same encoder and texts: `transformers.pipeline`, and OpenVINO where it is installed."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.architecture import Network, mean_pool, read_network
from models.backend import Tokens

Way = Callable[[], int]
PIPELINES = ("one at a time", "batched by 32")


def pipeline_ways(encoder: Path, texts: Sequence[str], *, max_tokens: int, device: str) -> dict[str, Way]:
    """One at a time, and batched by 32 as they come."""
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, pipeline

    file = str(encoder / "tokenizer.json")  # its class in transformers is not always that of the model's kind
    padding = Tokenizer.from_file(file).id_to_token(pad_id(encoder))
    names = ["input_ids", "attention_mask"]
    reference = pipeline(
        "text-classification",
        model=AutoModelForSequenceClassification.from_pretrained(str(encoder), num_labels=3),
        tokenizer=PreTrainedTokenizerFast(tokenizer_file=file, pad_token=padding, model_input_names=names),
        device=device,
    )
    cut = {"truncation": True, "max_length": max_tokens}

    def one_at_a_time() -> int:
        return sum(len(reference(text, **cut)) for text in texts)

    def batched() -> int:
        return len(reference(list(texts), batch_size=32, **cut))

    return dict(zip(PIPELINES, (one_at_a_time, batched), strict=True))


class _Whole(nn.Module):
    """The part of the network that answers on whole texts: what a stranger to entities would export."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.network.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = mean_pool(hidden, attention_mask)
        return self.network.topic(pooled), self.network.sentiment(pooled)


def has_openvino() -> bool:
    """True where the package can be imported; nothing here depends on it."""
    return importlib.util.find_spec("openvino") is not None


def openvino_way(
    folders: tuple[Path, Path], batches: Sequence[Sequence[Tokens]], *, topics: int, pad: int, is_bf16: bool
) -> Way:
    """The same network on the same batches through OpenVINO, one thread; padded within a batch, as it wants them."""
    os.environ.setdefault("OPENVINO_TELEMETRY_DISABLED", "1")
    import openvino as ov

    network = read_network(*folders, topics=topics)
    network.encoder.config._attn_implementation = "eager"
    example = {"input_ids": torch.ones(2, 8, dtype=torch.long), "attention_mask": torch.ones(2, 8, dtype=torch.long)}
    model = ov.convert_model(_Whole(network), example_input=example)
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if is_bf16 else "f32",
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "THROUGHPUT",
    }
    compiled = ov.Core().compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    inputs = [padded([row.ids for row in batch], pad) for batch in batches]

    def run() -> int:
        for ids, mask in inputs:
            request.infer([ids, mask])
        return sum(len(batch) for batch in batches)

    return run


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask as wide as the longest row."""
    width = max(map(len, rows))
    ids = np.array([[*row, *[pad] * (width - len(row))] for row in rows], dtype=np.int64)
    mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows], dtype=np.int64)
    return ids, mask


def pad_id(encoder: Path) -> int:
    """Number of the padding token."""
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    return int(config["pad_token_id"])
