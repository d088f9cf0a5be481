"""How long to wait before trying again: exponential, with full jitter, capped. Pure; the caller does the waiting."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

MAX_DOUBLINGS = 60  #: Beyond this the wait is at its cap for any sensible setting; keeps the power finite.


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Full jitter: a wait drawn evenly between zero and a bound that doubles with each failure.

    Workers that failed together (the broker was away) so do not come back together.
    """

    first_s: float = 0.5  #: Bound of the wait after the first failure, in seconds.
    cap_s: float = 30.0  #: Highest bound, in seconds.
    random: Callable[[], float] = random.random  #: Draws from [0, 1).

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.cap_s:
            raise ValueError(f"need 0 < first_s <= cap_s, got {self.first_s} and {self.cap_s}")

    def bound_s(self, failures: int) -> float:
        """The longest wait after `failures` failures in a row (1 or more), in seconds."""
        if failures < 1:
            raise ValueError(f"failures starts at 1, got {failures}")
        return min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, MAX_DOUBLINGS))

    def wait_s(self, failures: int, *, retry_after_s: float | None = None) -> float:
        """The wait after `failures` failures in a row; never shorter than the other side asked for."""
        return max(self.random() * self.bound_s(failures), retry_after_s or 0.0)
