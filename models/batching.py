"""Cut texts into batches by padded tokens: pure.

Where texts are padded a batch costs its longest text times its rows, so texts of similar length go together, whatever
order they came in. Where they lie end to end and the row of tokens is filled up to a size, the gap that long texts
leave is room for short ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

WINDOW = 4096  #: Texts sorted together; beyond it the memory of a huge call would grow, and nothing be gained.


def plan(lengths: Sequence[int], *, budget: int, window: int = WINDOW, fill: bool = False) -> Iterator[list[int]]:
    """Row numbers of each batch, longest texts first within a window.

    Rows times the longest row stay within `budget` tokens; a text that is longer alone is a batch of its own.
    With `fill` the shortest texts take the room that is left: then it is the sum of the rows that stays within.
    Longest first, so that a device that is too small says so at once.
    """
    if budget < 1:
        raise ValueError(f"budget must be at least 1 token, got {budget}")
    for start in range(0, len(lengths), window):
        rows = range(start, min(start + window, len(lengths)))
        waiting = deque(sorted(rows, key=lambda row: -lengths[row]))
        while waiting:
            yield _take(waiting, lengths, budget, fill=fill)


def _take(waiting: deque[int], lengths: Sequence[int], budget: int, *, fill: bool) -> list[int]:
    batch = [waiting.popleft()]
    longest = lengths[batch[0]]
    while waiting and longest * (len(batch) + 1) <= budget:
        batch.append(waiting.popleft())
    room = budget - sum(lengths[row] for row in batch) if fill else 0
    while waiting and lengths[waiting[-1]] <= room:
        room -= lengths[waiting[-1]]
        batch.append(waiting.pop())
    return batch


def padding_share(batches: Sequence[Sequence[int]], lengths: Sequence[int]) -> float:
    """Share of the padded tokens of `batches` that is padding, in [0, 1)."""
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    return 1 - sum(lengths[row] for batch in batches for row in batch) / padded if padded else 0.0
