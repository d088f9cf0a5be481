"""What the machine can do, and giving back what it lent."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
import torch

from models.hardware import give_back_memory, pick_device, pick_dtype
from monitor.errors import ConfigurationError


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cuda` by mistake must not fall back to a crawl without a word; `auto` may."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(ConfigurationError, match="no CUDA device"):
        pick_device("cuda")


def test_precision_follows_the_settings() -> None:
    """Whoever asks for fp32 gets it, also where bf16 is faster."""
    assert pick_dtype("fp32", "cpu") is torch.float32
    assert pick_dtype("bf16", "cpu") is torch.bfloat16


def test_memory_that_was_freed_goes_back() -> None:
    """Without it a worker keeps what its largest batch took."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("the C library has no malloc_trim; nothing is promised there")
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(100_000) for _ in range(500)]  # small enough for the heap, 50 MB together
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in (block for number, block in enumerate(blocks) if number % 10):
        libc.free(block)  # every tenth stays: what is freed are holes, which the heap keeps by itself
    before = resident_kb()
    give_back_memory()
    after = resident_kb()
    for block in blocks[::10]:
        libc.free(block)
    assert before - after > 20_000


def resident_kb() -> int:
    """Resident memory of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
