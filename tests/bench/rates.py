"""Measure several ways of doing one thing in turns, so that a noisy minute meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Things a second: the median over the rounds, and the lowest and highest."""

    median: float
    low: float
    high: float


def interleave(ways: Mapping[str, Callable[[], int]], *, rounds: int) -> dict[str, Rate]:
    """Call each way in turn, `rounds` times; a call returns how many things it did."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            started_s = time.perf_counter()
            count = call()
            seen[name].append(count / (time.perf_counter() - started_s))
    return {name: Rate(median=statistics.median(r), low=min(r), high=max(r)) for name, r in seen.items()}
