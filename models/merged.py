"""Read an adapter and its encoder as plain tensors, the LoRA matrices added in: torch and safetensors, nothing more.

PEFT and transformers, which train the adapter and are the reference in the tests, take eight seconds to import; a
worker that only answers does without. Tensors are read when they are asked for, so that the encoder never lies in
memory a second time in fp32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from models.artifacts import ADAPTER_CONFIG, ADAPTER_WEIGHTS, HEADS
from monitor.errors import ArtifactError

Weights = Mapping[str, Tensor]

_PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
_PLAIN = {"fan_in_fan_out": False, "use_rslora": False, "use_dora": False, "rank_pattern": {}, "alpha_pattern": {}}
_FIRST_PLACE = {"bert": 0, "mpnet": 2}  #: Row of the position table that the first token of a text has.
_NEEDED = {"hidden_act": "gelu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the weights alone do not tell."""

    kind: str  #: `bert` or `mpnet`.
    layers: int
    heads: int
    epsilon: float  #: Of the layer norms.

    @property
    def first_place(self) -> int:
        """Row of the position table for the first token of a text."""
        return _FIRST_PLACE[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Everything that computes an answer, in fp32."""

    shape: Shape
    encoder: Weights  #: Named as in the encoder's own file; read from it on demand.
    heads: Weights  #: Weight and bias of topic, sentiment, finance and entity.


class _MergedWeights(Mapping[str, Tensor]):
    """The encoder's tensors in fp32, each with its LoRA matrices added when it is asked for.

    The file is mapped anew for each, so that what was read of it does not stay in memory.
    """

    def __init__(self, path: Path, updates: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        self._path = path
        self._updates = updates
        with self._opened() as file:
            self._shapes: dict[str, list[int]] = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - no mapping

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._shapes:
            raise KeyError(name)
        with self._opened() as file:
            weight: Tensor = file.get_tensor(name).float()
        if name in self._updates:
            up, down = self._updates[name]
            weight = torch.addmm(weight, up, down)
        return _finite(weight, self._path, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def takes(self, name: str, up: Tensor, down: Tensor) -> bool:
        """True when the product of the two matrices can be added to the tensor `name`."""
        fits = up.dim() == down.dim() == 2 and up.shape[1] == down.shape[0]  # noqa: PLR2004 - rows and columns
        return fits and self._shapes.get(name) == [up.shape[0], down.shape[1]]

    def _opened(self) -> Any:  # noqa: ANN401 - safetensors leaves it untyped
        try:
            return safe_open(self._path, framework="pt")
        except (OSError, SafetensorError) as err:
            raise ArtifactError(f"{self._path}: not a safetensors file that can be read: {err}") from err


def read_merged(encoder: Path, adapter: Path) -> Merged:
    """Open two checked folders; what does not fit together is an `ArtifactError`."""
    shape = _shape(encoder / "config.json")
    updates = _updates(adapter)
    weights = _MergedWeights(encoder / "model.safetensors", updates)
    if misfits := [name for name, (up, down) in updates.items() if not weights.takes(name, up, down)]:
        raise ArtifactError(
            f"{adapter}: the adapter does not fit the encoder: {misfits[0]} is missing or of another shape"
        )
    heads = {name: _finite(tensor.float(), adapter, name) for name, tensor in read_weights(adapter / HEADS).items()}
    return Merged(shape=shape, encoder=weights, heads=heads)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as err:
        raise ArtifactError(f"{path}: not a safetensors file that can be read: {err}") from err


def _finite(tensor: Tensor, path: Path, name: str) -> Tensor:
    if not tensor.sum().isfinite():  # a sum is not a number where one of its parts is not, and needs no second tensor
        raise ArtifactError(f"{path}: {name}: weights that are not numbers; get the adapter again")
    return tensor


def _shape(path: Path) -> Shape:
    values = _read_json(path)
    kind = values.get("model_type")
    found = {key: values.get(key) for key, wanted in _NEEDED.items() if values.get(key) != wanted}
    if kind not in _FIRST_PLACE or found:
        found = {"model_type": kind, **found}
        raise ArtifactError(f"{path}: {found} is not the kind of encoder that is read (bert or mpnet, {_NEEDED})")
    try:
        return Shape(
            kind=str(kind),
            layers=int(str(values["num_hidden_layers"])),
            heads=int(str(values["num_attention_heads"])),
            epsilon=float(str(values["layer_norm_eps"])),
        )
    except (KeyError, ValueError) as err:
        raise ArtifactError(f"{path}: not the configuration of an encoder: {err}") from err


def _updates(adapter: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """For each weight that the adapter changes, the two matrices whose product is added, scaled."""
    config = _read_json(adapter / ADAPTER_CONFIG)
    if found := {key: config[key] for key, plain in _PLAIN.items() if config.get(key, plain) != plain}:
        raise ArtifactError(f"{adapter / ADAPTER_CONFIG}: {found}: only plain LoRA adapters are read")
    matrices = {name.removeprefix(_PREFIX): m.float() for name, m in read_weights(adapter / ADAPTER_WEIGHTS).items()}
    layers = [name.removesuffix(_DOWN) for name in matrices if name.endswith(_DOWN)]
    try:
        scale = float(str(config["lora_alpha"])) / float(str(config["r"]))
        updates = {f"{layer}.weight": (scale * matrices.pop(layer + _UP), matrices.pop(layer + _DOWN))
                   for layer in layers}  # fmt: skip
    except (KeyError, ValueError, ZeroDivisionError) as err:
        raise ArtifactError(f"{adapter}: the adapter does not fit the encoder: {err}") from err
    if matrices:
        raise ArtifactError(f"{adapter / ADAPTER_WEIGHTS}: unexpected weights, for example {min(matrices)}")
    return updates


def _read_json(path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ArtifactError(f"{path}: cannot be read: {err}") from err
    if not isinstance(values, dict):
        raise ArtifactError(f"{path}: not a JSON object")
    return values
