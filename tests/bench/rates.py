"""Measure several ways of doing one thing in turns, so that a noisy minute meets all of them alike."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Things a second: the median over the rounds, and the lowest and highest."""

    median: float
    low: float
    high: float


def interleave(
    ways: Mapping[str, Callable[[], int]], *, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Rate]:
    """Call each way in turn, `rounds` times; a call returns how many things it did.

    With `time.process_time` for a clock a rate is a CPU-second's, which other work on the machine disturbs less.
    """
    return interleave_rates({name: partial(_timed, call, clock) for name, call in ways.items()}, rounds=rounds)


def interleave_rates(ways: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, Rate]:
    """Call each way in turn, `rounds` times; a call returns how many things it did a second."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            seen[name].append(call())
    return {name: Rate(median=statistics.median(r), low=min(r), high=max(r)) for name, r in seen.items()}


def _timed(call: Callable[[], int], clock: Callable[[], float]) -> float:
    started_s = clock()
    return call() / (clock() - started_s)


def row(what: str, rate: Rate, ratio: str) -> str:
    """One row."""
    return f"| {what} | {rate.median:,.0f} ({rate.low:,.0f} to {rate.high:,.0f}) | {ratio} |"


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
