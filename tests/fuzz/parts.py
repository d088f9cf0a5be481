"""Several texts from one input, the same ones each time, without need of a fuzzer."""

from __future__ import annotations

SEPARATOR = b"\xff"


def split(data: bytes, count: int) -> list[str]:
    """`count` texts from `data`; bytes that are no UTF-8 become lone surrogates."""
    parts = [part.decode("utf-8", "surrogateescape") for part in data.split(SEPARATOR)[:count]]
    return parts + [""] * (count - len(parts))
