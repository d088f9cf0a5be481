"""Windows: what a label adds to which series, whatever the order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import (
    ALL,
    EVERY_SERIES,
    Abstention,
    BucketKey,
    Counts,
    Document,
    EntitySentiment,
    Label,
    Prediction,
    Probabilities,
    SeriesKey,
    SourceClass,
    Telling,
    Tellings,
    ceil_to,
    floor_to,
    series_bit,
)
from pipelines.windows import tally

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def label(
    doc_id: str = "d1",
    *,
    at: datetime = T0,
    entities: tuple[str, ...] = ("ACME",),
    negative: float = 0.9,
    towards: tuple[EntitySentiment, ...] = (),
    abstained: Abstention | None = None,
) -> Label:
    """Build a label; a test names only what it cares about."""
    document = Document(
        id=doc_id, source="wire", source_class=SourceClass.NEWS, published_at=at, seen_at=at, text="words",
        entities=entities,
    )  # fmt: skip
    probabilities = Probabilities(negative=negative, neutral=0.0, positive=1.0 - negative)
    prediction = Prediction(
        topic="" if abstained is Abstention.LANGUAGE else "Earnings", topic_probability=0.8,
        probabilities=probabilities, model="m1", entities=towards, abstained=abstained,
    )  # fmt: skip
    return Label(document=document, prediction=prediction, labeled_at=at)


def series_of(one: Label) -> list[SeriesKey]:
    """The series in which `one` counts, each once."""
    found = tally([one], {}, bucket=MINUTE)
    assert {counts.documents for counts in found.values()} == {1}
    return [key.series for key in found]


def telling_all(labels: list[Label], ids: set[str] | None = None) -> Tellings:
    """Those of `labels` with one of `ids`, or all, tell their story in every series."""
    return {
        (one.document.id, entity): Telling(told=EVERY_SERIES)
        for one in labels
        for entity in (ALL, *one.document.entities)
        if ids is None or one.document.id in ids
    }


def test_a_label_counts_in_every_series_that_matches_it_once() -> None:
    """Two entities and three parts: (2 + all) x (topic + all) x (class + all)."""
    keys = series_of(label(entities=("ACME", "BETA", "ACME")))

    assert len(keys) == len(set(keys)) == 3 * 2 * 2
    assert SeriesKey() in keys
    assert SeriesKey(entity="BETA", topic="Earnings", source_class="news") in keys


def test_a_copy_adds_to_documents_but_not_to_stories() -> None:
    """A wire story copied two hundred times counts once."""
    labels = [label("d1"), label("d2")]
    sums = tally(labels, telling_all(labels, {"d1"}), bucket=MINUTE)

    assert sums[BucketKey(slot_at=T0, series=SeriesKey(entity="ACME"))] == Counts(
        documents=2, stories=1, negative=1, negative_micro=900_000, positive_micro=100_000
    )


def test_a_document_tells_in_some_of_its_series_and_is_held_back_in_others() -> None:
    """A post that repeats the news is new among posts; what a cap keeps out of a series is seen there."""
    in_its_class = series_bit(SeriesKey(entity="ACME", source_class="news"))
    in_all = series_bit(SeriesKey(entity="ACME"))
    sums = tally([label("d1")], {("d1", "ACME"): Telling(told=in_its_class, held_back=in_all)}, bucket=MINUTE)

    def one(**series: str) -> Counts:
        return sums[BucketKey(slot_at=T0, series=SeriesKey(**series))]

    assert one(entity="ACME", source_class="news").negative == 1
    assert one(entity="ACME", source_class="news").held_back == 0
    assert one(entity="ACME") == Counts(documents=1, held_back=1)
    assert one(entity="ACME", topic="Earnings") == one() == Counts(documents=1)


def counts(labels: list[Label], entity: str) -> Counts:
    """What the labels, each telling a story, add to all of `entity` in its one slot."""
    return tally(labels, telling_all(labels), bucket=MINUTE)[BucketKey(slot_at=T0, series=SeriesKey(entity=entity))]


def towards(entity: str, negative: float, *, uncertain: bool = False) -> EntitySentiment:
    """The sentiment towards one entity."""
    probabilities = Probabilities(negative=negative, neutral=0.0, positive=1.0 - negative)
    return EntitySentiment(entity=entity, probabilities=probabilities, uncertain=uncertain)


def test_each_entity_counts_with_the_sentiment_towards_it() -> None:
    """`A wins what B lost` is bad news for one of the two alone."""
    told = label(entities=("A", "B"), negative=0.4, towards=(towards("A", 0.1), towards("B", 0.9)))

    assert (counts([told], "A").negative, counts([told], "A").positive) == (0, 1)
    assert (counts([told], "B").negative, counts([told], "B").positive) == (1, 0)
    assert counts([told], "B").negative_micro == 900_000
    assert counts([told], "all").negative_micro == 400_000, "the text as a whole counts for all"


def test_an_uncertain_answer_is_a_story_without_a_verdict() -> None:
    """Its probabilities are calibrated, so they add up; nobody is woken by a guess."""
    told = label(negative=0.4, abstained=Abstention.LOW_CONFIDENCE, entities=("A", "B"), towards=(towards("A", 0.9),))
    assert counts([told], "all") == Counts(documents=1, stories=1, negative_micro=400_000, positive_micro=600_000)
    assert counts([told], "A").negative == 1, "the answer on the entity is sure, whatever that on the text is"
    assert counts([told], "B") == counts([told], "all")
    unsure = label(entities=("A",), towards=(towards("A", 0.55, uncertain=True),))
    assert counts([unsure], "A") == Counts(documents=1, stories=1, negative_micro=550_000, positive_micro=450_000)


def test_what_is_not_about_finance_or_not_read_has_no_sentiment() -> None:
    """A song with a company's cashtag, or a text in a language that no model reads, is neither good nor bad news."""
    chatter = label(abstained=Abstention.OFF_TOPIC)
    assert counts([chatter], "ACME") == counts([chatter], "all") == Counts(documents=1, stories=1)
    unread = label(abstained=Abstention.LANGUAGE)
    assert counts([unread], "ACME") == Counts(documents=1)
    assert {key.topic for key in series_of(unread)} == {"all"}


def test_the_slot_is_that_of_event_time() -> None:
    """When a document arrives does not matter, only when it was published."""
    labels = [label(at=T0 + timedelta(seconds=59.999))]
    sums = tally(labels, telling_all(labels), bucket=MINUTE)

    assert {key.slot_at for key in sums} == {T0}


@given(st.permutations(range(6)), st.integers(0, 6))
def test_any_order_and_batching_gives_the_same_sums(order: list[int], cut: int) -> None:
    """Sums are integers: addition order cannot change them."""
    labels = [label(f"d{i}", at=T0 + i * timedelta(seconds=25), negative=i / 7) for i in range(6)]
    telling = telling_all(labels, {"d0", "d3", "d5"})
    shuffled = [labels[i] for i in order]
    parts = [tally(part, telling, bucket=MINUTE) for part in (shuffled[:cut], shuffled[cut:])]
    merged: dict[BucketKey, Counts] = {}
    for part in parts:
        for key, counts in part.items():
            merged[key] = merged.get(key, Counts()) + counts

    assert merged == tally(labels, telling, bucket=MINUTE)


@pytest.mark.parametrize("length", [timedelta(seconds=5), MINUTE, timedelta(hours=1), timedelta(days=1)])
def test_floor_and_ceil_enclose_an_instant(length: timedelta) -> None:
    """Boundaries are multiples of the length since 1970; a boundary is its own floor and ceiling."""
    at = T0 + timedelta(minutes=17, seconds=3)

    assert floor_to(at, length) <= at <= ceil_to(at, length)
    assert ceil_to(at, length) - floor_to(at, length) in (timedelta(0), length)
    assert floor_to(T0, length) == floor_to(floor_to(T0, length), length)
