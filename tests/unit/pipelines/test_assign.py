"""Documents get their stories on arrival: once, the same in whichever batch they come, and within three days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from monitor.domain import Document, EntityScores
from monitor.errors import TransientError
from tests.fixtures.memory_stories import MemoryStoryStore, assigner
from tests.fixtures.told import HOUR, OUTLOOK, STRIKE, T0, document, invented, stories

NOW = T0 + 100 * HOUR
COPIES = (OUTLOOK, OUTLOOK.upper(), f"{OUTLOOK} https://t.example/abc", f"RT @tape: {OUTLOOK}")


def test_copies_share_a_story_and_a_text_key_and_other_news_does_not() -> None:
    """Within a batch and over batches alike."""
    assign = assigner()
    batch = [*(document(f"c{n}", text) for n, text in enumerate(COPIES)), document("s", STRIKE)]
    first = assign(batch, NOW)
    later = assign([document("late", OUTLOOK), document("s2", STRIKE)], NOW)

    assert stories([*first, *later]) == ["c0", "c0", "c0", "c0", "s", "c0", "s"]
    assert len({each.text_key for each in [*first[:4], later[0]]}) == 1
    assert first[4].text_key == later[1].text_key != first[0].text_key
    assert all(len(each.story_id) == 32 and int(each.story_id, 16) for each in first)


def test_a_burst_of_copies_in_one_batch_is_one_story() -> None:
    """Two hundred repeats within a second are what a bot does; none of them is in the index yet."""
    store, registry = MemoryStoryStore(), CollectorRegistry()
    told = assigner(registry, store=store)([document(f"c{n}", COPIES[n % 4]) for n in range(200)], NOW)

    assert stories(told) == ["c0"] * 200
    assert len(store.told) == 1
    assert registry.get_sample_value("tapewatch_story_documents_total", {"outcome": "new"}) == 1
    assert registry.get_sample_value("tapewatch_story_documents_total", {"outcome": "copy"}) == 199
    assert registry.get_sample_value("tapewatch_story_texts") == 1


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_batch_is_told_as_its_documents_would_be_one_by_one(data: st.DataObject) -> None:
    """How documents happen to come together must not decide what is counted."""
    draw = Random(data.draw(st.integers(0, 10**6)))
    documents = [
        document(
            f"d{n}",
            invented(draw.randrange(12)) + draw.choice(("", "", " indeed", f" {invented(draw.randrange(50))}")),
            at=T0 + draw.randrange(120) * HOUR,
            entities=draw.choice((("NORD",), (), ("HARB", "NORD"))),
        )
        for n in range(60)
    ]
    one, whole, thirds = MemoryStoryStore(), MemoryStoryStore(), MemoryStoryStore()
    alone, together, mixed = assigner(store=one), assigner(store=whole), assigner(store=thirds)
    expected = [told for each in documents for told in alone([each], NOW)]

    assert together(documents, NOW) == expected
    assert [told for at in range(0, 60, 20) for told in mixed(documents[at : at + 20], NOW)] == expected
    assert one.told == whole.told == thirds.told
    assert one.heard == whole.heard == thirds.heard


def test_a_document_keeps_its_story_when_it_comes_again() -> None:
    """A redelivery after a crash, in another process, with other news in between."""
    store = MemoryStoryStore()
    batch = [document("a", OUTLOOK), document("b", STRIKE), document("c", OUTLOOK)]
    first = assigner(store=store)(batch, NOW)
    again = assigner(store=store)([document("x", invented(1)), *batch[::-1]], NOW)

    assert again[1:] == first[::-1]
    assert len(store.told) == 3


def test_one_id_twice_in_a_batch_is_one_document() -> None:
    """The second echoes nothing: it is the same document."""
    told = assigner()([document("a", OUTLOOK), document("a", OUTLOOK), document("b", OUTLOOK)], NOW)
    assert told[0] == told[1]
    assert told[2].scores[0].novelty == (75, 75, 75, 75)


@pytest.mark.parametrize(("hours", "is_same"), [(72, True), (72.1, False), (-72, True), (-72.1, False)])
def test_a_story_lasts_three_days(hours: float, is_same: bool) -> None:
    """The same words a week later are news again; a document that comes in late is judged by its date."""
    told = assigner()([document("a", OUTLOOK), document("b", OUTLOOK, at=T0 + hours * HOUR)], NOW)
    assert (told[0].story_id == told[1].story_id) is is_same
    assert told[0].text_key == told[1].text_key  # the label holds however much later


def test_a_story_that_goes_on_keeps_its_window_open() -> None:
    """Copied every two days for a fortnight; stored again no more than once a day."""
    store = MemoryStoryStore()
    assign = assigner(store=store)
    copies = [document(f"c{day}", OUTLOOK, at=T0 + day * 48 * HOUR) for day in range(8)]
    told = [each for copy in copies for each in assign([copy], NOW)]
    burst = assign([document(f"b{n}", OUTLOOK, at=T0 + 14 * 24 * HOUR + n * HOUR) for n in range(20)], NOW)

    assert stories([*told, *burst]) == ["c0"] * 28
    assert len(store.told) == 8
    assert {(text.story_id, text.text_key, text.text) for text, _ in store.told.values()} == {
        (told[0].story_id, told[0].text_key, store.told[1][0].text)
    }


def test_a_reading_of_its_own_shares_the_story_and_not_the_label() -> None:
    """Three times as much text may say something else about the company; it is one story all the same."""
    registry = CollectorRegistry()
    assign = assigner(registry)
    longer = f"{OUTLOOK}. {invented(3)} {invented(4)}"
    told = assign([document("a", OUTLOOK), document("b", longer), document("c", longer)], NOW)

    assert stories(told) == ["a", "a", "a"]
    assert told[0].text_key != told[1].text_key == told[2].text_key
    assert registry.get_sample_value("tapewatch_story_documents_total", {"outcome": "reading"}) == 1


def test_results_in_one_template_are_stories_of_their_own() -> None:
    """The words are alike, the numbers are the news."""
    template = "{} reports quarterly revenue of {} million, up {} percent on the year, and confirms its guidance"
    told = assigner()(
        [
            document("a", template.format("Nordwind", 120, 4)),
            document("b", template.format("Harbour", 371, 9), entities=("HARB",)),
            document("c", template.format("Nordwind", 140, 7), at=T0 + HOUR),
        ],
        NOW,
    )
    assert stories(told) == ["a", "b", "c"]


def test_novelty_is_of_the_entity_and_relevance_stays() -> None:
    """A story that names a second company for the first time is new for that one."""
    relevance = (EntityScores(entity="NORD", relevance=0.4),)
    batch = [
        document("a", OUTLOOK),
        replace(document("b", OUTLOOK, at=T0 + 2 * HOUR), scores=relevance),
        document("c", OUTLOOK, at=T0 + 2 * HOUR, entities=("HARB", "NORD")),
    ]
    told = assigner()(batch, NOW)
    assert told[1].scores == (EntityScores(entity="NORD", relevance=0.4, novelty=(100, 75, 75, 75)),)
    assert told[2].scores == (
        EntityScores(entity="HARB", novelty=(100, 100, 100, 100)),
        EntityScores(entity="NORD", novelty=(75, 56, 56, 56)),
    )


def test_a_failed_transaction_leaves_nothing_behind() -> None:
    """Else its ids would stand for other texts once they are given again."""
    store = MemoryStoryStore()
    assign = assigner(store=store)
    assign([document("a", OUTLOOK)], NOW)
    store.fail_at_commit = True
    with pytest.raises(TransientError):
        assign([document("b", STRIKE), document("c", invented(1))], NOW)
    store.fail_at_commit = False
    told = assign([document("x", invented(2)), document("y", STRIKE), document("z", invented(1))], NOW)

    assert store.documents.keys() == {"a", "x", "y", "z"}
    assert stories(told) == ["x", "y", "z"]
    again = assign([document("p", OUTLOOK), document("q", STRIKE), document("r", invented(1))], NOW)
    assert [each.story_id for each in again] == [store.documents[i].story_id for i in ("a", "y", "z")]


def test_a_new_process_knows_what_the_old_one_knew() -> None:
    """It reads the texts of the last days; those in another version's form are passed over."""
    store = MemoryStoryStore()
    first = assigner(store=store)([document(f"d{n}", invented(n)) for n in range(700)], NOW)
    store.told[701] = (replace(store.told[1][0], id=701, keys=b"of another form"), store.told[1][1])

    registry = CollectorRegistry()
    later = assigner(registry, store=store)([document(f"e{n}", invented(n)) for n in range(700)], NOW)
    assert [each.story_id for each in later] == [each.story_id for each in first]
    assert registry.get_sample_value("tapewatch_story_texts") == 700


def test_two_processes_share_what_they_find() -> None:
    """A copy that comes in at the other door is found though this process never saw the first."""
    store = MemoryStoryStore()
    one, two = assigner(store=store), assigner(store=store)
    told: list[Document] = []
    for turn, assign in enumerate((one, two, one, two)):
        told += assign([document(f"{turn}-{n}", invented(n)) for n in range(turn * 10, turn * 10 + 20)], NOW)
    assert len({each.story_id for each in told}) == 50
    assert len(store.told) == 50


def test_texts_that_were_deleted_are_no_longer_compared() -> None:
    """Retention may be ahead of the index."""
    store = MemoryStoryStore()
    assign = assigner(store=store)
    first = assign([document("a", OUTLOOK), document("b", STRIKE)], NOW)
    del store.told[1]
    fresh = assigner(store=store)
    told = fresh([document("c", OUTLOOK)], NOW)
    assert told[0].story_id != first[0].story_id


def test_the_index_keeps_no_more_texts_than_it_may() -> None:
    """And none for longer than a copy can match it."""
    registry = CollectorRegistry()
    assign = assigner(registry, max_texts=64)
    for start in range(0, 300, 30):
        assign([document(f"d{n}", invented(n)) for n in range(start, start + 30)], NOW)
    assert 0 < (registry.get_sample_value("tapewatch_story_texts") or 0) <= 64
    assign([document("later", STRIKE, at=NOW)], NOW + timedelta(days=5))
    assert registry.get_sample_value("tapewatch_story_texts") == 1


def test_documents_without_words_or_entities_are_told_too() -> None:
    """A bare link stands for itself; nobody's story echoes nowhere."""
    store = MemoryStoryStore()
    batch = [document("a", "https://t.example/a", entities=()), document("b", "https://t.example/b", entities=())]
    told = assigner(store=store)([*batch, replace(batch[0], id="c")], NOW)
    assert stories(told) == ["a", "b", "a"]
    assert store.heard == {}
    assert assigner(store=store)([], NOW) == []
