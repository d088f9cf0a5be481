"""Make the folder of an encoder out of the files that were fetched for it.

The weights of some encoders can only be had in another format. They are written here as safetensors, byte for byte the
same on every machine and with every version of the libraries, so that the result has a pinned SHA-256 like any other.
"""

from __future__ import annotations

import json
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.onnx_weights import read_onnx_weights
from models.quantised_weights import read_quantised_weights
from monitor.errors import ArtifactError

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "model.safetensors"

_BERT_SMALL: Mapping[str, object] = {
    "architectures": ["BertModel"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 384,
    "initializer_range": 0.02,
    "intermediate_size": 1536,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 30522,
}
_BERT_SMALL_MULTILINGUAL: Mapping[str, object] = {**_BERT_SMALL, "pad_token_id": 1, "vocab_size": 250037}


def keep(parts: Path, into: Path) -> None:
    """The parts are the encoder."""
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        (parts / name).rename(into / name)


def join_zip(parts: Path, into: Path) -> None:
    """The parts, in the order of their names, are one zip archive that was cut; the encoder is in it."""
    names = sorted(parts.glob("*.zip.*"))
    whole = parts / "whole.zip"
    with whole.open("wb") as sink:
        for part in names:
            with part.open("rb") as source:
                shutil.copyfileobj(source, sink)
            part.unlink()
    try:
        with zipfile.ZipFile(whole) as archive:
            for name in (CONFIG, TOKENIZER, WEIGHTS):
                with archive.open(_only_one(archive.namelist(), name)) as source, (into / name).open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, NotImplementedError) as err:
        raise ArtifactError(f"{whole.name}: not a zip archive that can be read: {err}") from err


def from_onnx_archive(parts: Path, into: Path) -> None:
    """The weights are an ONNX export in a tar archive."""
    archive = next(parts.glob("*.tar.gz"))
    try:
        with tarfile.open(archive) as tar:
            for end in (".onnx", ".onnx.data"):
                _extract(tar, _only_ending(tar.getnames(), end), parts)
    except (tarfile.TarError, EOFError) as err:
        raise ArtifactError(f"{archive.name}: not a tar archive that can be read: {err}") from err
    _write(read_onnx_weights(next(parts.glob("*.onnx"))), _BERT_SMALL, parts, into)


def from_published_bert(parts: Path, into: Path) -> None:
    """The weights are safetensors with more in them than the encoder uses."""
    try:
        weights = load_file(parts / WEIGHTS)
    except SafetensorError as err:
        raise ArtifactError(f"{WEIGHTS}: not a safetensors file that can be read: {err}") from err
    _write(weights, _BERT_SMALL, parts, into)


def from_quantised(parts: Path, into: Path) -> None:
    """The weights have four bits each."""
    _write(read_quantised_weights(next(parts.glob("*.bin"))), _BERT_SMALL_MULTILINGUAL, parts, into)


def write_tensors(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write `weights` as safetensors: fp32, little-endian, in the order of their names, no metadata."""
    names, header, at = sorted(weights), {}, 0
    for name in names:
        size = 4 * weights[name].numel()
        header[name] = {"dtype": "F32", "shape": list(weights[name].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            stream.write(weights[name].float().contiguous().numpy().astype("<f4", copy=False).tobytes())


def _write(weights: Mapping[str, Tensor], config: Mapping[str, object], parts: Path, into: Path) -> None:
    used = {name: tensor for name, tensor in weights.items() if _is_used(name)}
    write_tensors(used, into / WEIGHTS)
    (into / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (parts / TOKENIZER).rename(into / TOKENIZER)


def _extract(tar: tarfile.TarFile, name: str, into: Path) -> None:
    member = tar.extractfile(name)
    if member is None:
        raise ArtifactError(f"the archive's {name} is not a file")
    with member, (into / Path(name).name).open("wb") as sink:  # the last part alone: it cannot lead elsewhere
        shutil.copyfileobj(member, sink)


def _is_used(name: str) -> bool:
    return name.startswith(("embeddings.", "encoder.")) and not name.endswith("position_ids")


def _only_one(names: list[str], wanted: str) -> str:
    found = [name for name in names if Path(name).name == wanted and len(Path(name).parts) <= 2]  # noqa: PLR2004 - folder and name
    if len(found) != 1:
        raise ArtifactError(f"the archive holds {len(found)} files {wanted}, not one")
    return found[0]


def _only_ending(names: list[str], end: str) -> str:
    found = [name for name in names if name.endswith(end)]
    if len(found) != 1:
        raise ArtifactError(f"the archive holds {len(found)} files that end in {end}, not one")
    return found[0]
