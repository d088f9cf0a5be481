"""The judge: what is stored and what lies in the dead letters, against what the input alone says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import create_engine, select

from monitor.domain import Counts, Sentiment, SeriesKey
from monitor.ports import Broker
from monitor.store.schema import evidence
from pipelines import wire
from tests.faults.crew import Crew
from tests.faults.material import T0, Expected
from tests.faults.world import World

SPAN = (T0 - timedelta(hours=1), T0 + timedelta(days=30))
QUIET_S = 3.0  #: So long nothing may change any more.


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge found; print it, then assert on it."""

    documents: int  #: Expected.
    lost: int
    twice: int
    stories: int  #: Counted.
    expected_stories: int
    entities_differ: dict[str, tuple[int, int]]  #: Counted and expected documents, where they differ.
    classes_differ: dict[str, tuple[int, int]]  #: Counted and expected stories, where they differ.
    dead_letters: int  #: Different ones.
    dead_letters_again: int  #: Written a second time.
    dead_letters_wrong: int  #: Missing ones, and those that should not be there.

    def assert_clean(self) -> None:
        """Nothing lost, nothing counted twice, exactly the poison refused."""
        assert (self.lost, self.twice, self.dead_letters_wrong) == (0, 0, 0), self
        assert self.stories == self.expected_stories, self
        assert not self.entities_differ, self
        assert not self.classes_differ, self


def wait_until_counted(world: World, expected: Expected, *, by: Crew, seconds: float) -> float:
    """Wait until every document is counted by workers that live, and then a little, for what would be counted twice.

    Returns the monotonic instant of the last count, in seconds.
    """
    deadline = time.monotonic() + seconds
    with world.store() as store:
        while (seen := _whole(store.window_counts(*SPAN)).documents) < len(expected.documents):
            assert not by.dead, f"left by themselves: {by.dead}"
            assert time.monotonic() < deadline, f"{seen} of {len(expected.documents)} counted within {seconds} s"
            time.sleep(0.5)
    counted_s = time.monotonic()
    time.sleep(QUIET_S)
    return counted_s


def lag_of(world: World) -> int:
    """Documents on the bus that are not counted yet."""
    topics = world.topics
    with world.store() as store, world.broker() as broker:
        documents, labels = broker.end_offsets([topics.documents]), broker.end_offsets([topics.labels])
        counted = store.positions(topics.group("aggregate"), list(labels))
    return max(0, sum(documents.values()) - sum(counted.values()))


def judge(world: World, expected: Expected, *, with_classes: bool = True) -> Verdict:
    """Compare; the daemon may be running or not. A real model answers what it likes: its classes are not compared."""
    with world.store() as store, world.broker() as broker:
        counts = store.window_counts(*SPAN)
        letters = Counter(wire.decode_dead_letter(v).value for v in values_of(broker, world.topics.dead_letters))
    engine = create_engine(world.settings.database.url.get_secret_value())
    with engine.connect() as tx:
        stored = set(tx.execute(select(evidence.c.document_id)).scalars())
    engine.dispose()
    whole = _whole(counts)
    by_entity = {name: counts.get(SeriesKey(entity=name), Counts()).documents for name in expected.by_entity}
    by_class = {one.value: getattr(whole, one.value) for one in Sentiment}
    return Verdict(
        documents=len(expected.documents),
        lost=len(expected.documents - stored),
        twice=whole.documents - len(expected.documents & stored),
        stories=whole.stories,
        expected_stories=expected.stories.total(),
        entities_differ=_differing(by_entity, expected.by_entity),
        classes_differ=_differing(by_class, expected.stories) if with_classes else {},
        dead_letters=len(letters),
        dead_letters_again=letters.total() - len(letters),
        dead_letters_wrong=len(set(letters) ^ expected.poison),
    )


def values_of(broker: Broker, topic: str) -> list[bytes]:
    """Every value of `topic`, read by a group of its own."""
    consumer = broker.consumer(group=f"judge-{time.time_ns()}", topics=[topic], max_records=2000)
    wanted = sum(broker.end_offsets([topic]).values())
    values: list[bytes] = []
    deadline = time.monotonic() + 60
    while len(values) < wanted:
        assert time.monotonic() < deadline, f"read {len(values)} of {wanted} records of {topic}"
        values += [record.value for record in consumer.poll(0.5)]
    consumer.close()
    return values


def _whole(counts: Mapping[SeriesKey, Counts]) -> Counts:
    return counts.get(SeriesKey(), Counts())


def _differing(found: dict[str, int], expected: Counter[str]) -> dict[str, tuple[int, int]]:
    return {name: (found[name], expected[name]) for name in found if found[name] != expected[name]}
