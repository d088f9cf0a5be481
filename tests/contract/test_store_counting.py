"""The store counts each document once, whatever happens: replay, repetition, stale workers, a failing tally."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain import Abstention, EntitySentiment, Label, Partition, Probabilities, SeriesKey
from monitor.errors import FencedError
from monitor.ports import AddResult, OffsetSpan
from monitor.store import Store
from tests.fixtures.stores import GROUP, MINUTE, PARTITION, T0, TALLY, add, label

END = T0 + timedelta(hours=2)
_examples = itertools.count()


def total(store: Store, series: SeriesKey | None = None) -> int:
    """Documents counted in `series`."""
    counts = store.window_counts(T0 - timedelta(hours=2), END).get(series or SeriesKey())
    return 0 if counts is None else counts.documents


def test_counts_add_up_over_batches(store: Store) -> None:
    """A bucket is additive: the second batch adds to the first."""
    assert add(store, [label("a"), label("b", negative=0.1)], first=0) == AddResult(
        counted=2, repeated=0, late=0, stories=2
    )
    add(store, [label("c", at=T0 + MINUTE)], first=2)

    sums = store.window_counts(T0, T0 + 2 * MINUTE)
    acme = sums[SeriesKey(entity="ACME", topic="earnings", source_class="news")]

    assert acme == sums[SeriesKey()]
    assert (acme.documents, acme.stories, acme.negative, acme.neutral) == (3, 3, 2, 1)
    assert (acme.negative_micro, acme.positive_micro) == (1_900_000, 0)
    assert store.window_counts(T0, T0 + MINUTE)[SeriesKey()].documents == 2
    assert SeriesKey(entity="BETA") not in sums


def test_replayed_batch_is_fenced_and_changes_nothing(store: Store) -> None:
    """The records of a batch whose commit was not seen by its worker come again."""
    add(store, [label("a"), label("b")], first=0)

    with pytest.raises(FencedError, match="labels/0"):
        add(store, [label("a"), label("b"), label("c")], first=0)

    assert total(store) == 2
    assert store.positions(GROUP, [PARTITION]) == {PARTITION: 2}


def test_stale_worker_changes_nothing_in_any_partition(store: Store) -> None:
    """One lost partition spoils the whole batch: the other partition's records come again to their new owner."""
    other = Partition(topic="labels", index=1)
    add(store, [label("a")], first=0, partition=other)
    spans = {PARTITION: OffsetSpan(first=0, next=1), other: OffsetSpan(first=0, next=1)}

    with pytest.raises(FencedError):
        store.add(group=GROUP, spans=spans, labels=[label("x")], tally=TALLY, now=T0)

    assert store.positions(GROUP, [PARTITION, other]) == {other: 1}
    assert total(store) == 1
    assert add(store, [label("x")], first=0).counted == 1


def test_gap_in_the_offsets_is_no_stale_worker(store: Store) -> None:
    """Kafka leaves out control records, compacted and expired ones."""
    add(store, [label("a")], first=5)
    add(store, [label("b")], first=9)

    assert total(store) == 2
    assert store.positions(GROUP, [PARTITION]) == {PARTITION: 10}


def test_repeated_document_is_counted_once(store: Store) -> None:
    """A producer that retried, or a source read twice, puts the same id on the bus again."""
    first = add(store, [label("a"), label("a"), label("b")], first=0)
    second = add(store, [label("b"), label("c")], first=3)

    assert (first.counted, first.repeated) == (2, 1)
    assert (second.counted, second.repeated) == (1, 1)
    assert total(store) == 3


def test_story_is_counted_once_and_its_reach_grows(store: Store) -> None:
    """Twenty copies of one wire story are one story."""
    first = add(store, [label("a", story="s"), label("b", story="s"), label("c")], first=0)
    second = add(store, [label("d", story="s")], first=3)

    counts = store.window_counts(T0, END)[SeriesKey()]
    documents = store.negative_documents(SeriesKey(), T0, END, limit=9)

    assert (first.stories, second.stories) == (2, 0)
    assert (counts.documents, counts.stories, counts.negative) == (4, 2, 2)
    assert {d.story_id: d.reach for d in documents} == {"s": 3, "c": 1}


def test_failing_tally_leaves_no_trace(store: Store) -> None:
    """All or nothing: neither the offset nor the ids may stay behind."""

    def broken(labels: Sequence[Label], telling: object) -> dict[object, object]:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        store.add(
            group=GROUP, spans={PARTITION: OffsetSpan(first=0, next=1)}, labels=[label("a")], tally=broken, now=T0
        )

    assert store.positions(GROUP, [PARTITION]) == {}
    assert add(store, [label("a")], first=0).counted == 1


def test_batch_without_labels_still_moves_the_offset(store: Store) -> None:
    """A batch of nothing but dead letters is finished work."""
    result = add(store, [], first=0)

    assert result == AddResult(counted=0, repeated=0, late=0, stories=0)
    assert store.positions(GROUP, [PARTITION]) == {PARTITION: 1}
    assert store.watermark() is None


def test_late_documents_are_counted_and_said_to_be_late(store: Store) -> None:
    """Late data is counted, never dropped silently; the watermark never goes back."""
    add(store, [label("a", at=T0)], first=0)
    result = add(store, [label("b", at=T0 - 11 * MINUTE), label("c", at=T0 - 9 * MINUTE)], first=1)

    assert (result.counted, result.late) == (2, 1)
    assert store.watermark() == T0
    assert total(store) == 3


def test_up_to_when_all_is_counted_only_ever_grows(store: Store) -> None:
    """Each worker notes what it saw; the one that knows most is believed, and one that is behind undoes nothing."""
    assert store.counted_until() is None
    late = T0 + timedelta(microseconds=1)
    for at, known in ((T0, T0), (late, late), (T0 - MINUTE, late)):
        store.raise_counted_until(GROUP, at)
        assert store.counted_until() == known
    store.raise_counted_until("another-prefix", T0)
    assert store.counted_until() == late


def test_the_latest_tick_is_known_to_whoever_evaluates_next(store: Store) -> None:
    """After a restart, or where another process takes over."""
    store.raise_counted_until(GROUP, END)
    assert store.evaluated_until() is None
    for at, known in ((T0, T0), (T0 - MINUTE, T0), (T0 + MINUTE, T0 + MINUTE)):
        store.raise_evaluated_until(at)
        assert store.evaluated_until() == known
    assert store.counted_until() == END


def test_instants_keep_their_microseconds(store: Store) -> None:
    """What was published a microsecond before the end is inside, and comes back as it was."""
    at = T0 + timedelta(microseconds=999_999)
    add(store, [label("a", at=at)], first=0)

    assert store.watermark() == at
    assert store.negative_documents(SeriesKey(), T0, at, limit=5) == []
    [found] = store.negative_documents(SeriesKey(), at, at + timedelta(microseconds=1), limit=5)
    assert found.published_at == at


def test_text_of_any_kind_is_stored(store: Store) -> None:
    """Neither a quote nor a NUL that got past the cleaning may stop the aggregator for ever."""
    text = "涨停 🚀 'quoted' \"twice\" {1,2} \\ %s :x"
    add(store, [label("é🚀", title=text, entities=("茅台", "O'X"), story="''")], first=0)
    add(store, [label("n\0l", title="a\0b", author="x\0", entities=("N\0",))], first=1)

    found = {d.id: d for d in store.negative_documents(SeriesKey(), T0, END, limit=9)}

    assert found["é🚀"].title == text
    assert found["n\N{REPLACEMENT CHARACTER}l"].title == "a\N{REPLACEMENT CHARACTER}b"
    assert total(store, SeriesKey(entity="茅台")) == total(store, SeriesKey(entity="O'X")) == 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_totals_do_not_depend_on_order_or_batching(store: Store, data: st.DataObject) -> None:
    """Workers may cut and shuffle as they like, and repeat ids: the totals are those of the documents."""
    example = next(_examples)
    entity = st.sampled_from([f"A{example}", f"B{example}", f"C{example}"])
    rows = data.draw(st.lists(st.tuples(st.integers(0, 12), entity, st.integers(0, 59)), min_size=1, max_size=25))
    once = {number: (entity, minute) for number, entity, minute in rows}
    given_labels = [
        label(f"{example}-{n}", at=T0 + once[n][1] * MINUTE, story=f"{example}-{n % 4}", entities=(once[n][0],))
        for n, _, _ in data.draw(st.permutations(rows))
    ]
    partition, first = Partition(topic=f"t{example}", index=0), 0
    while given_labels:
        size = data.draw(st.integers(1, len(given_labels)))
        batch, given_labels = given_labels[:size], given_labels[size:]
        add(store, batch, first=first, partition=partition)
        first += size

    sums = store.window_counts(T0, END)
    expected = Counter(entity for entity, _ in once.values())
    stories = Counter(entity for entity, _ in {(entity, n % 4) for n, (entity, _) in once.items()})

    assert {entity: sums[SeriesKey(entity=entity)].documents for entity in expected} == expected
    assert {entity: sums[SeriesKey(entity=entity)].stories for entity in expected} == stories


def together(*actions: Callable[[], object]) -> list[Exception]:
    """Run `actions` in threads that start at once; returns what they raised."""
    barrier, raised = threading.Barrier(len(actions)), list[Exception]()

    def run(action: Callable[[], object]) -> None:
        barrier.wait()
        try:
            action()
        except Exception as err:  # noqa: BLE001 - whatever it is, the test shows it
            raised.append(err)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_workers_with_the_same_records_one_wins(store: Store) -> None:
    """Two workers that both believe to own a partition: its records count once, the others are told."""
    batch = [label(f"d{n}") for n in range(20)]
    for start in range(0, 100, 20):
        work = [lambda start=start: add(store, batch_at(batch, start), first=start) for _ in range(4)]
        raised = together(*work)
        assert [type(err) for err in raised] == [FencedError] * 3

    assert total(store) == 100
    assert store.positions(GROUP, [PARTITION]) == {PARTITION: 100}


def batch_at(batch: Sequence[Label], start: int) -> list[Label]:
    """`batch` with ids of its own."""
    return [label(f"{one.document.id}-{start}") for one in batch]


def test_workers_on_different_partitions_share_keys_without_deadlock(store: Store) -> None:
    """The same stories, series and even ids, in opposite order, at the same time."""

    def work(index: int) -> None:
        partition = Partition(topic="labels", index=index)
        for start in range(0, 200, 20):
            numbers = range(start, start + 20)
            batch = [
                label(f"shared-{n}", story=f"s{n % 50}", at=T0 + n % 5 * MINUTE, entities=(f"E{n % 6}",))
                for n in (numbers if index % 2 else reversed(numbers))
            ]
            add(store, batch, first=start, partition=partition)

    raised = together(*(lambda index=index: work(index) for index in range(4)))

    assert raised == []
    assert total(store) == 200
    assert store.window_counts(T0, END)[SeriesKey()].stories == 50


def test_evidence_of_an_entity_is_what_was_counted_for_it(store: Store) -> None:
    """An alert on B must show the headline that is bad for B, though it is not bad as a whole, and no other."""
    told = label("a", entities=("A", "B"), negative=0.1)
    opposed = replace(told.prediction, entities=(answer("A", 0.05), answer("B", 0.95)))
    unsure = replace(told.prediction, entities=(answer("B", 0.55, uncertain=True),))
    add(store, [replace(told, prediction=opposed)], first=0)
    add(store, [replace(label("b", entities=("B",), story="other"), prediction=unsure)], first=1)
    found = store.negative_documents(SeriesKey(entity="B"), T0, END, limit=9)
    assert [(document.id, document.negative) for document in found] == [("a", 0.95)]
    assert store.negative_documents(SeriesKey(entity="A"), T0, END, limit=9) == []
    assert store.negative_documents(SeriesKey(), T0, END, limit=9) == []
    assert store.negative_voices(SeriesKey(entity="B"), T0, END).sources == 1


def test_what_carries_no_verdict_is_no_evidence(store: Store) -> None:
    """Counted as no negative story, it must not stand among them."""
    unsure = label("a", entities=("A",))
    for number, reason in enumerate(Abstention):
        told = replace(label(f"d{number}", entities=("A",), story=f"s{number}"),
                       prediction=replace(unsure.prediction, abstained=reason))  # fmt: skip
        add(store, [told], first=number)
    for series in (SeriesKey(), SeriesKey(entity="A")):
        assert store.negative_documents(series, T0, END, limit=9) == []


def answer(entity: str, negative: float, *, uncertain: bool = False) -> EntitySentiment:
    """The sentiment towards one entity."""
    probabilities = Probabilities(negative=negative, neutral=1 - negative, positive=0.0)
    return EntitySentiment(entity=entity, probabilities=probabilities, uncertain=uncertain)
