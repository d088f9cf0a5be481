"""What the machine can do: the device and the number format that the settings mean here."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import torch

from monitor.errors import ConfigurationError

_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


def pick_device(wanted: str) -> torch.device:
    """`auto` takes CUDA where there is one; asking for CUDA where there is none is an error."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise ConfigurationError("classifier.device is cuda, but PyTorch sees no CUDA device; use auto or cpu")
    return torch.device("cuda" if available and wanted in ("auto", "cuda") else "cpu")


def pick_dtype(wanted: str, device_type: str) -> torch.dtype:
    """`auto` takes bf16 where the hardware has it, else fp32."""
    if wanted == "auto":
        return torch.bfloat16 if has_bf16(device_type) else torch.float32
    return torch.bfloat16 if wanted == "bf16" else torch.float32


@cache
def has_bf16(device_type: str) -> bool:
    """True when bf16 products are done by the hardware; emulated ones would be slower than fp32."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux: nothing is known, fp32 is right everywhere
        return False
    return any(flag in flags for flag in _CPU_FLAGS)


def give_back_memory() -> None:
    """Return what was freed to the system; glibc keeps it, and a worker would hold a hundred megabytes for nothing."""
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:  # glibc alone has it
        trim(0)


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):  # not Linux, or without dynamic linking
        return None
