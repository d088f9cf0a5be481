"""Stories on arrival: one suite over a store in memory and over each database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.domain import Document
from monitor.errors import TransientError
from monitor.ports import Assignment, StoryStore, TextKeys, ToldText
from monitor.settings import DatabaseSettings
from monitor.store import Store, open_store
from tests.fixtures.memory_stories import MemoryStoryStore, assigner
from tests.fixtures.stores import opened_store
from tests.fixtures.told import HOUR, OUTLOOK, STRIKE, T0, document, invented, stories

NOW = T0 + 10 * HOUR
NOW_US = 1_772_478_000_000_000


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def story_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoryStore]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield MemoryStoryStore()
        return
    url = f"sqlite:///{tmp_path / 't.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    store = opened_store(str(url))
    yield store
    store.close()


def told(id_: int, story: str = "s", *, text: str = "a text", published_us: int = NOW_US) -> ToldText:
    """A stored text."""
    return ToldText(
        id=id_, story_id=story, text_key="0f" * 16, text=text, facts='{"numbers":["5"]}',
        keys=bytes(range(id_ % 200, id_ % 200 + 16)), published_us=published_us,
    )  # fmt: skip


def save(store: StoryStore, *texts: ToldText, at_us: int = NOW_US) -> None:
    """Store `texts` and nothing else."""
    with store.assigning() as tx:
        tx.save(texts=texts, assignments={}, echoes={}, at_us=at_us)


def test_what_was_saved_is_read_as_it_was(story_store: StoryStore) -> None:
    """Bytes, signs of all scripts, and more rows than fit one statement."""
    texts = [told(n, f"s{n}", text=f"{n} \u6da8\u505c \U0001f680 'quoted'") for n in range(1, 1201)]
    given = {
        f"d{n}'\U0001f680": Assignment(story_id=f"s{n}", text_key="k", novelty={"A": (1, 2, 3, 100)})
        for n in range(900)
    }
    heard = {f"s{n}": {"ACME": [n, n + 1], "B.A": [0]} for n in range(700)}
    with story_store.assigning() as tx:
        assert tx.newest_text() == 0
        tx.save(texts=texts, assignments=given, echoes=heard, at_us=NOW_US)
    with story_store.assigning() as tx:
        assert tx.newest_text() == 1200
        assert tx.texts([*range(1, 1300), 2**40]) == {each.id: each for each in texts}
        assert tx.assigned([*given, "unknown"]) == given
        assert tx.echoes([*heard, "unknown"]) == heard
        assert (tx.texts([]), tx.assigned([]), tx.echoes([])) == ({}, {}, {})


def test_keys_come_in_the_order_of_their_ids_and_no_older_than_asked(story_store: StoryStore) -> None:
    """What a worker reads when it starts, and what others added since."""
    save(story_store, told(1), told(2), at_us=NOW_US - 10)
    save(story_store, told(3, published_us=5), told(4), at_us=NOW_US)
    expected = [TextKeys(n, told(n).keys, 5 if n == 3 else NOW_US, NOW_US) for n in (3, 4)]

    assert list(story_store.story_keys(after=0, added_after_us=NOW_US, limit=9)) == expected
    assert [each.id for each in story_store.story_keys(after=1, added_after_us=0, limit=2)] == [2, 3]
    with story_store.assigning() as tx:
        assert list(tx.keys_after(0, added_after_us=NOW_US)) == expected
        assert [each.id for each in tx.keys_after(3, added_after_us=0)] == [4]


def test_a_transaction_that_raises_changes_nothing(story_store: StoryStore) -> None:
    """All or nothing: half a batch would give some documents a second story."""
    given = {"d": Assignment(story_id="s", text_key="k", novelty={})}

    def save_and_fail() -> None:
        with story_store.assigning() as tx:
            tx.save(texts=[told(1)], assignments=given, echoes={"s": {"A": [1]}}, at_us=NOW_US)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        save_and_fail()
    with story_store.assigning() as tx:
        assert (tx.newest_text(), dict(tx.assigned(["d"])), dict(tx.echoes(["s"]))) == (0, {}, {})


def test_echoes_are_replaced(story_store: StoryStore) -> None:
    """They are what is known of a story by now."""
    for heard in ({"A": [1]}, {"A": [1, 2], "B": [2]}):
        with story_store.assigning() as tx:
            tx.save(texts=[], assignments={}, echoes={"s": heard}, at_us=NOW_US)
    with story_store.assigning() as tx:
        assert tx.echoes(["s"]) == {"s": {"A": [1, 2], "B": [2]}}


def test_what_no_copy_can_match_is_forgotten(story_store: StoryStore) -> None:
    """All but the newest text, whose id must not be given again."""
    assign = assigner(store=story_store)
    assign([document("a", OUTLOOK), document("b", STRIKE)], NOW)
    young = NOW + 50 * HOUR
    kept = assign([document("c", invented(1), at=young)], young)

    deleted = story_store.forget_told(texts=NOW + HOUR, documents=NOW)
    assert deleted == {"story_texts": 2, "story_echoes": 2, "story_documents": 0}
    deleted = story_store.forget_told(texts=young + HOUR, documents=NOW + HOUR)
    assert deleted == {"story_texts": 0, "story_echoes": 1, "story_documents": 2}
    with story_store.assigning() as tx:
        assert tx.newest_text() == 3
        assert tx.assigned(["a", "b", "c"]).keys() == {"c"}
    again = assigner(store=story_store)([document("d", invented(1), at=young)], young)
    assert again[0].story_id == kept[0].story_id


def test_stories_are_found_and_kept(story_store: StoryStore) -> None:
    """Copies within a batch, in later ones, after a restart, and when a document comes again."""
    batch = [document("a", OUTLOOK), document("b", STRIKE), document("c", OUTLOOK.upper()), document("d", invented(1))]
    first = assigner(store=story_store)(batch, NOW)
    assign = assigner(store=story_store)
    later = assign([document("e", STRIKE, at=T0 + HOUR), document("f", f"{OUTLOOK} www.t.example/x")], NOW)

    assert stories([*first, *later]) == ["a", "b", "a", "d", "b", "a"]
    assert assign(batch, NOW + HOUR) == first
    assert later[0].scores[0].novelty == (75, 75, 75, 75)
    assert later[1].scores[0].novelty == (56, 56, 56, 56)


def test_workers_that_race_over_copies_tell_one_story(story_store: StoryStore) -> None:
    """Copies that come in at many doors at once: the second finds the first, whoever was first."""
    doors = [assigner(store=story_store) for _ in range(4)]
    ready, results = threading.Barrier(len(doors)), dict[int, list[Document]]()

    def work(door: int) -> None:
        ready.wait()
        results[door] = []
        for turn in range(5):
            batch = [document(f"{door}-{turn}-{n}", invented(turn * 10 + n)) for n in range(20)]
            results[door] += doors[door](batch, NOW)

    in_threads([partial(work, door) for door in range(len(doors))])
    everything = [each for told in results.values() for each in told]
    assert len(everything) == 400
    assert len({each.story_id for each in everything}) == 60
    with story_store.assigning() as tx:
        assert tx.newest_text() == 60


def test_one_document_at_two_doors_has_one_story(story_store: StoryStore) -> None:
    """The bus may get it twice, but never under two keys."""
    doors = [assigner(store=story_store) for _ in range(3)]
    ready, results = threading.Barrier(len(doors)), dict[int, list[Document]]()

    def work(door: int) -> None:
        ready.wait()
        results[door] = doors[door]([document(f"d{n}", invented(n)) for n in range(50)], NOW)

    in_threads([partial(work, door) for door in range(len(doors))])
    assert results[0] == results[1] == results[2]


def in_threads(works: Sequence[Callable[[], None]]) -> None:
    """Run all at once, to their end."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.postgres
def test_a_server_that_went_away_costs_nothing_but_time(postgres_server_alone: object) -> None:
    """The batch is told as if nothing had happened, by the same object, once the server is back."""
    from monitor.demo.postgres_server import PostgresServer

    assert isinstance(postgres_server_alone, PostgresServer)
    store: Store = open_store(DatabaseSettings(url=SecretStr(postgres_server_alone.create_database("away"))))
    store.upgrade()
    assign = assigner(store=store)
    first = assign([document("a", OUTLOOK)], NOW)
    postgres_server_alone.stop()
    with pytest.raises(TransientError):
        assign([document("b", OUTLOOK), document("c", STRIKE)], NOW)
    postgres_server_alone.start()
    told = assign([document("b", OUTLOOK), document("c", STRIKE), replace(first[0], id="e")], NOW + timedelta(hours=1))
    assert stories([*first, *told]) == ["a", "a", "c", "a"]
    store.close()
