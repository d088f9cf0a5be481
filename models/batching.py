"""Cut texts into batches by padded tokens: pure.

A batch costs its longest text times its rows, so texts of similar length go together, whatever order they came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

WINDOW = 4096  #: Texts sorted together; beyond it the memory of a huge call would grow, and nothing be gained.


def plan(lengths: Sequence[int], *, budget: int, window: int = WINDOW) -> Iterator[list[int]]:
    """Row numbers of each batch, longest texts first within a window.

    Rows times the longest row stay within `budget` tokens; a text that is longer alone is a batch of its own.
    Longest first, so that a device that is too small says so at once.
    """
    if budget < 1:
        raise ValueError(f"budget must be at least 1 token, got {budget}")
    for start in range(0, len(lengths), window):
        rows = range(start, min(start + window, len(lengths)))
        yield from _cut(sorted(rows, key=lambda row: -lengths[row]), lengths, budget)


def _cut(rows: Sequence[int], lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for row in rows:
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padding_share(batches: Sequence[Sequence[int]], lengths: Sequence[int]) -> float:
    """Share of the padded tokens of `batches` that is padding, in [0, 1)."""
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    return 1 - sum(lengths[row] for batch in batches for row in batch) / padded if padded else 0.0
