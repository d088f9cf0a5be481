"""The folder that a run fills: a working folder beside the one asked for, which takes its name when it is whole.

So that whoever looks for adapters never finds half of one, and a killed run finds its checkpoint again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import save_file

from models.architecture import Network, head_weights
from models.artifacts import ADAPTER_WEIGHTS, HEADS, NEEDED
from models.training.config import TrainingConfig
from monitor.errors import ConfigurationError, PermanentError

CHECKPOINT = "checkpoint.pt"


def fingerprint_of(parts: Mapping[str, object]) -> str:
    """What tells one run from another."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def working_folder(out: Path) -> Path:
    """Make, or find again, the working folder of a run that is to end as `out`."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(f"{out}: is not empty; name a new folder")
    folder = out.parent / f".tmp-{out.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(f"{out}: cannot be made: {err.strerror}") from err
    return folder


def begin(out: Path, config: TrainingConfig) -> Path:
    """The working folder of a run that is to end as `out`; seeds and threads are set as `config` says."""
    folder = working_folder(out)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    return folder


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say what to do when `folder` cannot be written: the run goes on from its checkpoint once there is room."""
    try:
        yield
    except (OSError, SafetensorError) as err:
        raise PermanentError(f"{folder}: cannot be written: {err}; make room and run again") from err


def save_network(network: Network, folder: Path) -> None:
    """Write LoRA matrices and heads."""
    lora: Any = network.encoder
    weights = get_peft_model_state_dict(lora, save_embedding_layers=False)  # "auto" would ask the hub
    # Half precision halves the folder; what it rounds is far below what the product with the encoder's weights keeps.
    save_file({name: tensor.half().contiguous().cpu() for name, tensor in weights.items()}, folder / ADAPTER_WEIGHTS)
    settings: Any = lora.peft_config["default"]
    settings.base_model_name_or_path = None  # the manifest knows; a path of this machine would mean nothing elsewhere
    settings.auto_mapping = None  # names a class to import, which nothing here needs
    settings.inference_mode = True
    settings.target_modules = sorted(settings.target_modules)  # a set: its order would change the digest
    settings.save_pretrained(str(folder))
    save_file(dict(head_weights(network)), folder / HEADS)
    for name in NEEDED:
        (folder / name).chmod(0o644)  # safetensors writes for the owner alone; others run the daemon


def publish(folder: Path, out: Path) -> None:
    """Give the whole working folder the name that was asked for."""
    (folder / CHECKPOINT).unlink(missing_ok=True)
    try:
        if out.is_dir():
            out.rmdir()
        folder.replace(out)
    except OSError as err:
        raise PermanentError(f"{out}: cannot be written: {err}; what was trained stands in {folder}") from err
