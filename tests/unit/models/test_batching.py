"""Batches are cut by padded tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batching import padding_share, plan

LENGTHS = st.lists(st.integers(min_value=1, max_value=256), max_size=200)


BUDGETS = st.integers(min_value=1, max_value=2000)


@given(lengths=LENGTHS, budget=BUDGETS, window=st.integers(min_value=1, max_value=300), fill=st.booleans())
def test_every_text_stands_in_exactly_one_batch(lengths: list[int], budget: int, window: int, *, fill: bool) -> None:
    """Nothing is lost and nothing is answered twice, whatever the lengths."""
    batches = list(plan(lengths, budget=budget, window=window, fill=fill))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(batches)


@given(lengths=LENGTHS, budget=st.integers(min_value=1, max_value=2000))
def test_padded_tokens_stay_within_the_budget(lengths: list[int], budget: int) -> None:
    """The budget bounds the memory; only a text that alone is longer may exceed it, and then alone."""
    for batch in plan(lengths, budget=budget):
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget


@given(lengths=LENGTHS, budget=BUDGETS)
def test_filled_batches_stay_within_the_budget(lengths: list[int], budget: int) -> None:
    """Where nothing is padded it is the sum that takes memory."""
    for batch in plan(lengths, budget=budget, fill=True):
        assert len(batch) == 1 or sum(lengths[row] for row in batch) <= budget


def test_short_texts_take_the_room_that_long_ones_leave() -> None:
    """Seven texts of 200 leave 136 of 1,536 tokens empty, and the row is filled up to its size either way."""
    lengths = [200] * 10 + [50] * 40 + [20] * 20
    sums = [sum(lengths[row] for row in batch) for batch in plan(lengths, budget=1536, fill=True)]
    assert min(sums[:-1]) >= 1520
    assert len(sums) == 3
    assert len(list(plan(lengths, budget=1536))) == 4


def test_mixed_lengths_cost_little_padding() -> None:
    """The reason for sorting: batches in order of arrival would be mostly padding."""
    lengths = [8 + (n * 37) % 120 for n in range(500)]
    arrival = [list(range(start, min(start + 32, 500))) for start in range(0, 500, 32)]
    assert padding_share(list(plan(lengths, budget=1024)), lengths) < 0.05
    assert padding_share(arrival, lengths) > 0.4


def test_a_window_bounds_what_is_sorted_together() -> None:
    """A call with a million texts must not wait for the longest of them."""
    batches = list(plan([1, 9, 1, 9], budget=18, window=2))
    assert batches == [[1, 0], [3, 2]]


def test_no_budget_is_refused() -> None:
    """A budget of nothing would loop or divide the work for ever."""
    with pytest.raises(ValueError, match="budget"):
        list(plan([1], budget=0))
