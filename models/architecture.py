"""The network: one encoder, mean pooling over a text and over each entity in it, four linear heads.

In: token ids, attention mask, and which tokens name which entity. Out: logits of topic, sentiment, finance, and of the
sentiment towards each entity; one pass of the encoder answers for all entities of a text. The pooling over an entity's
own tokens is that of TD-BERT (Gao et al., Target-dependent sentiment classification with BERT, 2019), joined with the
pool over the text. This module and those that import it pull in transformers and PEFT, which takes eight seconds:
training and a GPU need them, a CPU that answers does not.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

from monitor.domain import Sentiment
from monitor.errors import ArtifactError

LINEAR_LAYERS = {  #: Every linear layer of a kind of encoder.
    "bert": ("query", "key", "value", "dense"),
    "mpnet": ("attn.q", "attn.k", "attn.v", "attn.o", "dense"),
}
HEADS = ("topic", "sentiment", "finance", "entity")

Encoder = BertModel | MPNetModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Logits:
    """What the heads say of a batch."""

    topic: Tensor  #: Rows x topics.
    sentiment: Tensor  #: Rows x (negative, neutral, positive).
    finance: Tensor  #: Rows x (not finance, finance).
    entity: Tensor  #: Entities x (negative, neutral, positive), in the order of the rows.


class Network(nn.Module):
    """Encoder and heads."""

    def __init__(self, encoder: nn.Module, *, width: int, topics: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.topic = nn.Linear(width, topics)
        self.sentiment = nn.Linear(width, len(Sentiment))
        self.finance = nn.Linear(width, 2)
        self.entity = nn.Linear(2 * width, len(Sentiment))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, owners: Tensor, spans: Tensor) -> Logits:
        """Logits of a batch; `owners` names the row of each entity, `spans` marks its tokens (entities x tokens).

        An entity without a token gets the sentiment of its text.
        """
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        texts = mean_pool(hidden, attention_mask)
        pooled = self.dropout(texts)
        sentiment = self.sentiment(pooled)
        tokens = spans.sum(dim=1, keepdim=True)
        named = (hidden[owners] * spans.unsqueeze(-1)).sum(dim=1) / tokens.clamp(min=1)
        entity = self.entity(self.dropout(torch.cat([texts[owners], named], dim=-1)))
        return Logits(
            topic=self.topic(pooled),
            sentiment=sentiment,
            finance=self.finance(pooled),
            entity=torch.where(tokens > 0, entity, sentiment[owners]),
        )


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean in fp32 of the hidden states over the tokens that are not padding; every row has at least one."""
    mask = attention_mask.unsqueeze(-1).float()
    return (hidden.float() * mask).sum(dim=1) / mask.sum(dim=1)


def read_encoder(folder: Path) -> Encoder:
    """Load the base encoder from a checked `folder`: safetensors and JSON only, no code, no network."""
    try:
        model = _empty_encoder(folder / "config.json")
        weights = load_file(folder / "model.safetensors")
        named = {name: weight for name, weight in weights.items() if not _is_unused(name)}
        model.load_state_dict(named, strict=True)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, SafetensorError) as err:
        raise ArtifactError(f"{folder}: cannot load the base encoder: {err}") from err
    model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return model


def _empty_encoder(path: Path) -> Encoder:
    kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    if kind == "mpnet":
        return MPNetModel(MPNetConfig.from_json_file(str(path)), add_pooling_layer=False)
    if kind != "bert":
        raise ValueError(f"model_type {kind!r}; bert and mpnet are read")
    return BertModel(BertConfig.from_json_file(str(path)), add_pooling_layer=False)


def _is_unused(name: str) -> bool:
    return name.startswith("pooler.") or name.endswith("position_ids")


def add_lora(encoder: Encoder, *, rank: int, alpha: int, dropout: float) -> PeftModel:
    """Freeze `encoder` and put trainable LoRA matrices beside all of its linear layers."""
    layers = list(LINEAR_LAYERS[encoder.config.model_type])
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=layers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between peft and transformers, not ours to mend
        return get_peft_model(encoder, config)


def read_lora(encoder: Encoder, folder: Path, *, trainable: bool = False) -> PeftModel:
    """`encoder` with the LoRA matrices of the checked adapter `folder` beside its layers."""
    try:
        if json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("auto_mapping"):
            raise ArtifactError(f"{folder}: adapter_config.json names a class to import; that is not allowed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # as above
            return PeftModel.from_pretrained(encoder, str(folder), local_files_only=True, is_trainable=trainable)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as err:
        raise ArtifactError(f"{folder}: the adapter does not fit the encoder: {err}") from err


def read_heads(network: Network, path: Path) -> None:
    """Put the heads of a checked `heads.safetensors` into `network`."""
    try:
        heads = load_file(path)
        for name in HEADS:
            getattr(network, name).load_state_dict({part: heads[f"{name}.{part}"] for part in ("weight", "bias")})
    except (OSError, KeyError, RuntimeError, SafetensorError) as err:
        raise ArtifactError(f"{path}: the heads do not fit: {err}") from err


def head_weights(network: Network) -> Mapping[str, Tensor]:
    """The heads as `heads.safetensors` holds them."""
    return {f"{name}.{part}": getattr(getattr(network, name), part).detach().float().cpu().contiguous()
            for name in HEADS for part in ("weight", "bias")}  # fmt: skip


def read_network(encoder: Path, adapter: Path, *, topics: int) -> Network:
    """The whole network in fp32, adapter merged, ready for use."""
    base = read_encoder(encoder)
    width = int(base.config.hidden_size)
    network = Network(read_lora(base, adapter).merge_and_unload(), width=width, topics=topics)
    read_heads(network, adapter / "heads.safetensors")
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise ArtifactError(f"{adapter}: weights that are not numbers; get the adapter again")
    return network.eval().requires_grad_(requires_grad=False)
