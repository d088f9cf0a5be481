"""Sharing partitions among the members of a group."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipelines.brokers.local_group import share

MEMBERS = st.sets(st.sampled_from("abcdefgh"), min_size=1)
PARTITIONS = st.sets(st.integers(0, 12))


@given(members=MEMBERS, partitions=PARTITIONS, data=st.data())
def test_every_partition_has_one_reader_and_nobody_has_two_more(
    members: set[str], partitions: set[int], data: st.DataObject
) -> None:
    """Whatever was before: nothing is left unread, and the work is even."""
    current = {pid: data.draw(st.sampled_from("abcdefghxyz")) for pid in partitions}
    shared = share(members, partitions, current)
    assert shared.keys() == partitions
    held = Counter(dict.fromkeys(members, 0))
    held.update(shared.values())
    assert held.keys() == members
    assert max(held.values()) - min(held.values()) <= 1


@given(members=MEMBERS, partitions=PARTITIONS)
def test_sharing_again_moves_nothing(members: set[str], partitions: set[int]) -> None:
    """Each handover costs a pause."""
    shared = share(members, partitions, {})
    assert share(members, partitions, shared) == shared


def test_a_new_member_takes_only_its_share() -> None:
    """The others keep the rest."""
    current = {0: "a", 1: "a", 2: "a", 3: "b", 4: "b", 5: "b"}
    shared = share({"a", "b", "c"}, range(6), current)
    assert sum(shared[pid] != current[pid] for pid in current) == 2


def test_nobody_reads_when_nobody_is_there() -> None:
    """The last member has left."""
    assert share([], [0, 1], {}) == {}
