"""Slots are found by key as in a plain dict, whatever shares a bucket, and the newest of a key always are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.key_table import PER_KEY, KeyTable
from pipelines.minhash import Keys, mixed


def keys(*numbers: int) -> Keys:
    """Keys that are spread over all bits, one a number."""
    return mixed(np.array(numbers, np.uint64))


def crowded(*numbers: int) -> Keys:
    """Different keys that all belong into one bucket."""
    return np.array([(7 << 44) + (number << 24) for number in numbers], np.uint64)


class Model:
    """What the table promises: of each key the newest slots."""

    def __init__(self) -> None:
        self.slots: dict[int, list[int]] = {}

    def add(self, numbers: list[int], first_slot: int) -> None:
        for slot, number in enumerate(numbers, first_slot):
            self.slots[number] = [slot, *self.slots.get(number, [])][:PER_KEY]

    def drop(self, count: int) -> None:
        shifted = {n: [s - count for s in slots if s > count] for n, slots in self.slots.items()}
        self.slots = {number: slots for number, slots in shifted.items() if slots}

    def find(self, number: int) -> list[int]:
        found = self.slots.get(number, [])
        return [*found, *[0] * (PER_KEY - len(found))]


BATCHES = st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=60), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(batches=BATCHES, drop=st.integers(0, 200))
def test_finds_what_a_dict_finds(batches: list[list[int]], drop: int) -> None:
    """Keys come again within a batch and in later ones, and old slots go."""
    table, model, slot = KeyTable(max_entries=10_000), Model(), 1
    # So much before that the batches are placed one by one instead of being sorted in.
    before = list(range(100, 700))
    for batch in (before, *batches):
        table.add(keys(*batch), np.arange(slot, slot + len(batch)))
        model.add(batch, slot)
        slot += len(batch)
    everything = [*range(41), *before, 5000]
    assert table.find(keys(*everything)).tolist() == [model.find(number) for number in everything]

    table.drop(drop)
    model.drop(drop)
    assert table.find(keys(*everything)).tolist() == [model.find(number) for number in everything]


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=30), min_size=1, max_size=6))
def test_a_crowded_bucket_forgets_only_old_slots(batches: list[list[int]]) -> None:
    """Thirteen keys in one bucket of eight cells: each keeps at least its newest slot, and gives away no other's."""
    table, model, slot = KeyTable(max_entries=10_000), Model(), 1
    table.add(keys(*range(1000, 1600)), np.arange(1, 601))
    for batch in batches:
        table.add(crowded(*batch), np.arange(slot, slot + len(batch)))
        model.add(batch, slot)
        slot += len(batch)
    for number, found in enumerate(table.find(crowded(*range(13))).tolist()):
        expected = model.find(number)
        held = [slot for slot in found if slot]
        assert held == expected[: len(held)]
        assert bool(held) == bool(expected[0])


def test_growing_forgets_nothing() -> None:
    """From its least size to a hundred times as much, in batches of all sizes."""
    table, slot = KeyTable(max_entries=2_000_000), 1
    for size in (10, 3000, 500, 500, 40_000, 500, 200_000, 500):
        table.add(keys(*range(slot, slot + size)), np.arange(slot, slot + size))
        slot += size
    found = table.find(keys(*range(1, slot)))
    assert np.array_equal(found[:, 0], np.arange(1, slot))
    assert not found[:, 1:].any()
    assert len(table) == slot - 1
    assert table.memory_bytes <= 8 * (slot - 1) * 1.5 / 0.7 + 10_000


def test_a_key_of_everyone_takes_no_more_than_its_share() -> None:
    """A template that every text shares must not fill the table."""
    table = KeyTable(max_entries=1_000_000)
    for slot in range(1, 5001, 500):
        table.add(keys(*[1] * 500), np.arange(slot, slot + 500))
    assert len(table) == PER_KEY
    assert table.find(keys(1)).tolist() == [[5000, 4999, 4998, 4997]]
