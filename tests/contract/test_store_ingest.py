"""What ingest remembers: leases, source states, published ids."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from monitor.domain import COVERAGE_SLOT, Coverage, SourceHistory
from monitor.ports import SourceState
from monitor.store import Store
from tests.fixtures.stores import MINUTE, T0, opened_store

HOUR = 60 * MINUTE


def test_lease_is_held_by_one(store: Store) -> None:
    """A source is polled by one worker at a time."""
    assert store.acquire_lease("feed", owner="a", now=T0, ttl=MINUTE)
    assert not store.acquire_lease("feed", owner="b", now=T0 + MINUTE / 2, ttl=MINUTE)
    assert store.acquire_lease("feed", owner="a", now=T0 + MINUTE / 2, ttl=MINUTE)
    assert not store.acquire_lease("feed", owner="b", now=T0 + MINUTE, ttl=MINUTE)
    assert store.acquire_lease("other", owner="b", now=T0, ttl=MINUTE)


def test_lease_of_a_silent_owner_is_taken_over(store: Store) -> None:
    """The owner may have been killed."""
    assert store.acquire_lease("feed", owner="a", now=T0, ttl=MINUTE)
    assert store.acquire_lease("feed", owner="b", now=T0 + MINUTE, ttl=MINUTE)
    assert not store.acquire_lease("feed", owner="a", now=T0 + MINUTE, ttl=MINUTE)


def test_lease_is_released_by_its_owner_alone(store: Store) -> None:
    """A worker that lost its lease must not free the new owner's."""
    store.acquire_lease("feed", owner="a", now=T0, ttl=MINUTE)
    store.release_lease("feed", owner="b")
    assert not store.acquire_lease("feed", owner="b", now=T0, ttl=MINUTE)
    store.release_lease("feed", owner="a")
    assert store.acquire_lease("feed", owner="b", now=T0, ttl=MINUTE)


def test_of_many_that_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    """New and run out alike."""
    for turn in range(5):
        got: list[str] = []

        def want(owner: str, turn: int = turn, got: list[str] = got) -> None:
            if store.acquire_lease("feed", owner=f"{owner}-{turn}", now=T0 + turn * MINUTE, ttl=MINUTE):
                got.append(owner)

        threads = [threading.Thread(target=want, args=(str(n),)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1


def test_source_state_survives_as_it_was(store: Store) -> None:
    """Conditional requests and back-off go on after a restart."""
    state = SourceState(
        source="feed",
        etag='W/"x"',
        last_modified="Mon, 02 Mar 2026 09:00:00 GMT",
        cursor="17",
        next_poll_at=T0 + timedelta(microseconds=1),
        failures=3,
        last_success_at=T0,
        last_error="HTTP 503",
        refused=True,
    )
    store.save_source_state(SourceState(source="zeta"))
    store.save_source_state(state)
    store.save_source_state(replace(state, failures=4))

    assert store.source_state("feed") == replace(state, failures=4)
    assert store.source_state("new") == SourceState(source="new")
    assert [s.source for s in store.source_states()] == ["feed", "zeta"]


def test_published_ids_are_known_again(store: Store) -> None:
    """An already seen id is not published again; marking it twice is harmless."""
    ids = [f"id-{n}" for n in range(3000)] + ["🚀'"]
    assert store.unseen([]) == set()
    store.mark_seen(ids, at=T0)
    store.mark_seen(ids[:10], at=T0 + MINUTE)

    assert store.unseen([*ids, "new"]) == {"new"}


def test_ids_are_forgotten_after_their_time(store: Store) -> None:
    """More than one piece of deletion, and not one row too many."""
    store.mark_seen([*(f"old-{n}" for n in range(5001)), "met-again"], at=T0)
    store.mark_seen(["met-again"], at=T0 + MINUTE)
    store.mark_seen(["young", "kept"], at=T0 + MINUTE)
    store.mark_seen(["kept"], at=T0)

    deleted = store.forget_before(evidence=T0, buckets=T0, seen=T0 + MINUTE)

    assert deleted["seen_documents"] == 5001
    assert store.unseen(["old-0", "young", "met-again", "kept"]) == {"old-0"}


def test_coverage_adds_up_by_source_and_slot(store: Store) -> None:
    """Workers of several processes add to one slot; which of them polled makes no difference."""
    for failures, documents in ((0, 2), (1, 0), (0, 0)):
        store.add_coverage("feed", at=T0 + failures * MINUTE, polls=1, failures=failures, documents=documents)
    store.add_coverage("feed", at=T0 + COVERAGE_SLOT, polls=2, failures=2, documents=0)
    store.add_coverage("other", at=T0 + COVERAGE_SLOT - MINUTE, polls=1, failures=0, documents=7)

    seen = store.coverage(T0 + MINUTE, T0 + 4 * COVERAGE_SLOT)

    assert seen == {
        "feed": Coverage(polls=5, failures=3, documents=2, slots=1, expected=4),
        "other": Coverage(polls=1, failures=0, documents=7, slots=1, expected=4),
    }
    assert seen["feed"].share == 0.25
    assert store.coverage(T0 + 2 * COVERAGE_SLOT, T0 + 4 * COVERAGE_SLOT) == {}


def test_workers_that_add_coverage_at_once_lose_nothing(store: Store) -> None:
    """The addition is done by the database, in one statement."""

    def work() -> None:
        for _ in range(10):
            store.add_coverage("feed", at=T0, polls=1, failures=0, documents=3)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.coverage(T0, T0 + COVERAGE_SLOT)["feed"] == Coverage(polls=40, documents=120, slots=1, expected=1)


def test_a_poll_speaks_for_the_time_up_to_the_next(store: Store) -> None:
    """A source that is asked every two hours is covered between its polls, and a dead one is not."""
    two_hours = 8 * COVERAGE_SLOT
    store.add_coverage("slow", at=T0 - COVERAGE_SLOT, polls=1, failures=0, documents=0)
    store.add_coverage("slow", at=T0 + two_hours, polls=1, failures=1, documents=0)

    seen = store.coverage(T0, T0 + 2 * two_hours, every={"slow": two_hours, "never": two_hours})

    assert seen["slow"] == Coverage(polls=1, failures=1, documents=0, slots=10, expected=16)
    assert seen["never"] == Coverage(expected=16)
    assert store.coverage(T0, T0 + COVERAGE_SLOT) == {}


def test_the_history_of_a_source_says_when_it_was_polled_and_published(store: Store) -> None:
    """What its usual gap between documents is measured on; the last document is known however old it is."""
    for slot, documents in ((-900, 1), (-800, 2), (0, 0), (3, 0)):
        store.add_coverage("quiet", at=T0 + slot * COVERAGE_SLOT, polls=1, failures=0, documents=documents)
    for slot, documents in ((-900, 1), (1, 1), (2, 0), (3, 4)):
        store.add_coverage("busy", at=T0 + slot * COVERAGE_SLOT + MINUTE, polls=1, failures=0, documents=documents)
    store.add_coverage("new", at=T0, polls=1, failures=0, documents=0)
    store.add_coverage("gone", at=T0 - COVERAGE_SLOT, polls=1, failures=0, documents=5)

    assert store.source_histories(["quiet", "busy", "new", "gone", "never"], since=T0) == {
        "quiet": SourceHistory(first_at=T0, document_slots=(T0 - 800 * COVERAGE_SLOT,)),
        "busy": SourceHistory(first_at=T0 + COVERAGE_SLOT, document_slots=(T0 + COVERAGE_SLOT, T0 + 3 * COVERAGE_SLOT)),
        "new": SourceHistory(first_at=T0),
        "gone": SourceHistory(document_slots=(T0 - COVERAGE_SLOT,)),
        "never": SourceHistory(),
    }


def test_coverage_is_kept_over_a_restart_and_as_long_as_the_buckets(database_url: str) -> None:
    """Whoever opens a count of last year's can see whether the sources were there."""
    before = opened_store(database_url)
    before.add_coverage("feed", at=T0, polls=1, failures=0, documents=1)
    before.add_coverage("feed", at=T0 + COVERAGE_SLOT, polls=1, failures=0, documents=1)
    before.close()

    after = opened_store(database_url)
    after.add_coverage("feed", at=T0, polls=1, failures=1, documents=0)
    assert after.coverage(T0, T0 + COVERAGE_SLOT)["feed"] == Coverage(
        polls=2, failures=1, documents=1, slots=1, expected=1
    )
    deleted = after.forget_before(evidence=T0 + HOUR, buckets=T0 + COVERAGE_SLOT, seen=T0 + HOUR)
    assert deleted["coverage"] == 1
    assert after.source_histories(["feed"], since=T0)["feed"].first_at == T0 + COVERAGE_SLOT
    after.close()
