"""The network: one BERT encoder, masked mean pooling, two linear heads.

In: token ids and attention mask. Out: logits of the topic and of the sentiment. This module and those that import it
pull in transformers and PEFT, which takes eight seconds: training and a GPU need them, a CPU that answers does not.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from monitor.domain import Sentiment
from monitor.errors import ArtifactError

LINEAR_LAYERS = ("query", "key", "value", "dense")  #: Every linear layer of the encoder.


class TwoHeads(nn.Module):
    """Encoder with a topic head and a sentiment head."""

    def __init__(self, encoder: nn.Module, *, width: int, topics: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.topic = nn.Linear(width, topics)
        self.sentiment = nn.Linear(width, len(Sentiment))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the topic and of the sentiment, one row a text."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = self.dropout(mean_pool(hidden, attention_mask).to(self.topic.weight.dtype))
        return self.topic(pooled), self.sentiment(pooled)


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean in fp32 of the hidden states over the tokens that are not padding; every row has at least one."""
    mask = attention_mask.unsqueeze(-1).float()
    return (hidden.float() * mask).sum(dim=1) / mask.sum(dim=1)


def read_encoder(folder: Path) -> BertModel:
    """Load the base encoder from a checked `folder`: safetensors and JSON only, no code, no network."""
    try:
        config = BertConfig.from_json_file(str(folder / "config.json"))
        weights = load_file(folder / "model.safetensors")
        model: BertModel = BertModel(config, add_pooling_layer=False)
        named = {name: weight for name, weight in weights.items() if not _is_unused(name)}
        model.load_state_dict(named, strict=True)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, SafetensorError) as err:
        raise ArtifactError(f"{folder}: cannot load the base encoder: {err}") from err
    model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return model


def _is_unused(name: str) -> bool:
    return name.startswith("pooler.") or name.endswith("position_ids")


def add_lora(encoder: BertModel, *, rank: int, alpha: int, dropout: float) -> PeftModel:
    """Freeze `encoder` and put trainable LoRA matrices beside all of its linear layers."""
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(LINEAR_LAYERS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between peft and transformers, not ours to mend
        return get_peft_model(encoder, config)


def merge_adapter(encoder: BertModel, folder: Path) -> nn.Module:
    """`encoder` with the adapter in the checked `folder` added to its weights."""
    try:
        if json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("auto_mapping"):
            raise ArtifactError(f"{folder}: adapter_config.json names a class to import; that is not allowed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # as above
            merged = PeftModel.from_pretrained(encoder, str(folder), local_files_only=True).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as err:
        raise ArtifactError(f"{folder}: the adapter does not fit the encoder: {err}") from err
    result: nn.Module = merged
    return result


def read_network(encoder: Path, adapter: Path, *, topics: int) -> TwoHeads:
    """The whole network in fp32, adapter merged, ready for use."""
    base = read_encoder(encoder)
    width = base.config.hidden_size
    network = TwoHeads(merge_adapter(base, adapter), width=width, topics=topics)
    try:
        heads = load_file(adapter / "heads.safetensors")
        for name in ("topic", "sentiment"):
            head = {part: heads[f"{name}.{part}"] for part in ("weight", "bias")}
            getattr(network, name).load_state_dict(head)
    except (OSError, KeyError, RuntimeError, SafetensorError) as err:
        raise ArtifactError(f"{adapter / 'heads.safetensors'}: the heads do not fit: {err}") from err
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise ArtifactError(f"{adapter}: weights that are not numbers; get the adapter again")
    return network.eval().requires_grad_(requires_grad=False)
