"""Read the weights of a BERT encoder out of an ONNX export, without the onnx package.

An ONNX file is one protobuf message; this reads the few fields that name the initializers and say which node uses
which. The exporter drops the names of the linear layers' weights and stores them transposed: each is found again by the
bias that is added to its product, which has kept its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from monitor.errors import ArtifactError

_FLOAT = 1  #: Of TensorProto.DataType.
_MORE = 0x80  #: Set in every byte of a number but its last.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _NODE, _INITIALIZER = 7, 1, 5  #: Fields of ModelProto and GraphProto.
_INPUT, _OUTPUT, _OP = 1, 2, 4  #: Fields of NodeProto.
_DIMS, _TYPE, _NAME, _RAW, _EXTERNAL = 1, 2, 8, 9, 13  #: Fields of TensorProto.

Field = int | bytes
Fields = Mapping[int, list[Field]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operation of the graph."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_onnx_weights(model: Path) -> dict[str, Tensor]:
    """The fp32 weights of the export `model`, named as in BERT; values may lie in a file beside it."""
    try:
        graph = _fields(_bytes(_fields(model.read_bytes())[_GRAPH][0]))
        nodes = [_node(_fields(_bytes(value))) for value in graph.get(_NODE, [])]
        found = [_tensor(_fields(_bytes(value)), model.parent) for value in graph.get(_INITIALIZER, [])]
    except (IndexError, KeyError, TypeError, ValueError, OSError, RuntimeError) as err:
        raise ArtifactError(f"{model}: not an ONNX export that can be read: {type(err).__name__}: {err}") from err
    return _named({name: tensor for name, tensor in found if tensor is not None}, nodes)


def _named(initializers: Mapping[str, Tensor], nodes: list[Node]) -> dict[str, Tensor]:
    products = {node.outputs[0]: node.inputs[1] for node in nodes if node.op == "MatMul"}
    weights = {name: tensor for name, tensor in initializers.items() if "." in name}
    for node in nodes:
        bias = next((name for name in node.inputs if name.endswith(".bias")), None)
        factors = [products[name] for name in node.inputs if products.get(name) in initializers]
        if node.op == "Add" and bias and factors:
            weights[f"{bias.removesuffix('.bias')}.weight"] = initializers[factors[0]].T.contiguous()
    return weights


def _node(fields: Fields) -> Node:
    return Node(op=_text(fields[_OP][0]), inputs=_texts(fields, _INPUT), outputs=_texts(fields, _OUTPUT))


def _tensor(fields: Fields, folder: Path) -> tuple[str, Tensor | None]:
    """Name and values; no values where they are not fp32."""
    name = _text(fields[_NAME][0])
    if fields[_TYPE][0] != _FLOAT:
        return name, None
    shape = _integers(fields.get(_DIMS, []))
    raw = _bytes(fields[_RAW][0]) if fields.get(_RAW) else _external(fields[_EXTERNAL], 4 * prod(shape), folder)
    return name, torch.frombuffer(bytearray(raw), dtype=torch.float32).reshape(shape)


def _external(entries: list[Field], size: int, folder: Path) -> bytes:
    pairs = (_fields(_bytes(entry)) for entry in entries)
    where = {_text(pair[1][0]): _text(pair[2][0]) for pair in pairs}
    with (folder / Path(where["location"]).name).open("rb") as stream:  # the name alone: it cannot lead elsewhere
        stream.seek(int(where.get("offset", "0")))
        return stream.read(size)


def _fields(message: bytes) -> dict[int, list[Field]]:
    found: dict[int, list[Field]] = {}
    for number, value in _walk(message):
        found.setdefault(number, []).append(value)
    return found


def _walk(message: bytes) -> Iterator[tuple[int, Field]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind not in {_BYTES, _FIXED64, _FIXED32}:
            raise ValueError(f"wire type {kind}")
        size, at = _varint(message, at) if kind == _BYTES else ((8 if kind == _FIXED64 else 4), at)
        if at + size > len(message):
            raise ValueError("cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] & _MORE:
        value |= (message[at] ^ _MORE) << shift
        at, shift = at + 1, shift + 7
    return value | message[at] << shift, at + 1


def _integers(values: list[Field]) -> list[int]:
    """Repeated numbers, which newer writers pack into one field."""
    numbers: list[int] = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            numbers.append(number)
    return numbers


def _bytes(value: Field) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where a message should be")
    return value


def _text(value: Field) -> str:
    return _bytes(value).decode("utf-8")


def _texts(fields: Fields, number: int) -> tuple[str, ...]:
    return tuple(_text(value) for value in fields.get(number, []))
