"""Ingesting processes are killed in the midst of their work: a document has one story, and copies share theirs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from monitor.domain import Document
from pipelines import wire
from tests.fixtures.processes import Child, started
from tests.fixtures.stores import opened_store
from tests.fixtures.story_worker import BATCH, COPIES, ITEMS, TOPICS, open_log

WORKER = "tests.fixtures.story_worker"


def test_a_worker_killed_before_it_sent_anything_gives_the_same_stories_again(
    database_url: str, tmp_path: Path
) -> None:
    """Stories are stored, the documents are not on the bus: the next process must find them, not tell them anew."""
    log = str(tmp_path / "log.db")
    with started(WORKER, database_url, log, "0", "dies") as child:
        assert child.read_line() == "ready"
        assert child.rest() == []
    store = opened_store(database_url)
    with store.assigning() as tx:
        given = tx.assigned([f"d{number}" for number in range(ITEMS)])
    store.close()
    assert given.keys() == {f"d{number}" for number in range(BATCH)}

    with started(WORKER, database_url, log, "0") as child:
        wait_for_end(child)
    sent = on_the_bus(Path(log))
    assert {document.id: document.story_id for document in sent if document.id in given} == {
        id_: assignment.story_id for id_, assignment in given.items()
    }
    check(sent)


def test_workers_killed_at_any_instant_tell_no_story_twice(database_url: str, tmp_path: Path) -> None:
    """Two at a time over items that partly overlap, killed and started over."""
    log = str(tmp_path / "log.db")
    opened_store(database_url).close()
    for turn in range(3):
        with (
            started(WORKER, database_url, log, "0") as one,
            started(WORKER, database_url, log, str(ITEMS // 2 - 3)) as two,
        ):
            for child in (one, two):
                for _ in range(2 + 2 * turn):
                    child.read_line()
            one.kill()
            two.kill()
    with started(WORKER, database_url, log, "0") as child:
        wait_for_end(child)
    check(on_the_bus(Path(log)))


def wait_for_end(child: Child) -> None:
    """Read what a worker prints until it is done."""
    while child.read_line() != "done":
        pass


def on_the_bus(log: Path) -> list[Document]:
    """Every document on the bus, those that were sent twice too."""
    broker = open_log(log)
    wanted = sum(broker.end_offsets([TOPICS.documents]).values())
    consumer, found = broker.consumer(group="check", topics=[TOPICS.documents]), list[Document]()
    while len(found) < wanted:
        found += [wire.decode_document(record.value) for record in consumer.poll(1.0)]
    consumer.close()
    broker.close()
    return found


def check(sent: list[Document]) -> None:
    """Nothing lost, and the stories are those of the input."""
    stories: dict[str, set[str]] = defaultdict(set)
    for document in sent:
        stories[document.id].add(document.story_id)
    assert stories.keys() == {f"d{number}" for number in range(ITEMS)}
    assert {len(each) for each in stories.values()} == {1}
    told = [stories[f"d{number}"].pop() for number in range(ITEMS)]
    assert [told[number] for number in range(ITEMS)] == [told[number - number % COPIES] for number in range(ITEMS)]
    assert len(set(told)) == ITEMS // COPIES
