"""Read an adapter and its encoder as plain tensors, the LoRA matrices added in: torch and safetensors, nothing more.

PEFT and transformers, which train the adapter and are the reference in the tests, take eight seconds to import; a
worker that only answers does without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.artifacts import ADAPTER_CONFIG, ADAPTER_WEIGHTS, HEADS
from monitor.errors import ArtifactError

Weights = Mapping[str, Tensor]

_PREFIX = "base_model.model."
_PLAIN = {"fan_in_fan_out": False, "use_rslora": False, "use_dora": False, "rank_pattern": {}, "alpha_pattern": {}}
_BERT = {"model_type": "bert", "hidden_act": "gelu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the weights alone do not tell."""

    layers: int
    heads: int
    epsilon: float  #: Of the layer norms.


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Everything that computes an answer, in fp32."""

    shape: Shape
    encoder: Weights  #: Named as in BERT.
    heads: Weights  #: topic.weight, topic.bias, sentiment.weight, sentiment.bias


def read_merged(encoder: Path, adapter: Path) -> Merged:
    """Read two checked folders; what does not fit together is an `ArtifactError`."""
    shape = _shape(encoder / "config.json")
    weights = {name: tensor.float() for name, tensor in read_weights(encoder / "model.safetensors").items()}
    _add_lora(weights, adapter)
    heads = {name: tensor.float() for name, tensor in read_weights(adapter / HEADS).items()}
    if not all(torch.isfinite(tensor).all() for tensor in (*weights.values(), *heads.values())):
        raise ArtifactError(f"{adapter}: weights that are not numbers; get the adapter again")
    return Merged(shape=shape, encoder=weights, heads=heads)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as err:
        raise ArtifactError(f"{path}: not a safetensors file that can be read: {err}") from err


def _shape(path: Path) -> Shape:
    values = _read_json(path)
    if found := {key: values.get(key) for key, wanted in _BERT.items() if values.get(key) != wanted}:
        raise ArtifactError(f"{path}: {found} is not the kind of encoder that is read ({_BERT})")
    try:
        return Shape(
            layers=int(str(values["num_hidden_layers"])),
            heads=int(str(values["num_attention_heads"])),
            epsilon=float(str(values["layer_norm_eps"])),
        )
    except (KeyError, ValueError) as err:
        raise ArtifactError(f"{path}: not the configuration of a BERT encoder: {err}") from err


def _add_lora(weights: dict[str, Tensor], adapter: Path) -> None:
    config = _read_json(adapter / ADAPTER_CONFIG)
    if found := {key: config[key] for key, plain in _PLAIN.items() if config.get(key, plain) != plain}:
        raise ArtifactError(f"{adapter / ADAPTER_CONFIG}: {found}: only plain LoRA adapters are read")
    matrices = {name.removeprefix(_PREFIX): m for name, m in read_weights(adapter / ADAPTER_WEIGHTS).items()}
    try:
        scale = float(str(config["lora_alpha"])) / float(str(config["r"]))
        for name in [name for name in matrices if name.endswith(".lora_A.weight")]:
            layer = name.removesuffix(".lora_A.weight")
            down, up = matrices.pop(name).float(), matrices.pop(f"{layer}.lora_B.weight").float()
            weights[f"{layer}.weight"] += scale * (up @ down)
    except (KeyError, RuntimeError, ValueError, ZeroDivisionError) as err:
        raise ArtifactError(f"{adapter}: the adapter does not fit the encoder: {err}") from err
    if matrices:
        raise ArtifactError(f"{adapter / ADAPTER_WEIGHTS}: unexpected weights, for example {min(matrices)}")


def _read_json(path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ArtifactError(f"{path}: cannot be read: {err}") from err
    if not isinstance(values, dict):
        raise ArtifactError(f"{path}: not a JSON object")
    return values
