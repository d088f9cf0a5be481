"""The only serialiser: what is written reads back the same, and what cannot be read says why."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import (
    REJECT_REASONS,
    Abstention,
    Document,
    EntitySentiment,
    Label,
    Prediction,
    Probabilities,
    Record,
    SourceClass,
)
from monitor.errors import InvalidRecordError
from pipelines.wire import (
    EXCERPT_CHARS,
    decode_dead_letter,
    decode_document,
    decode_label,
    decode_submission,
    encode_dead_letter,
    encode_document,
    encode_label,
    encode_refusal,
)

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
some = st.none() | words
instants = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the library's rule
documents = st.builds(
    Document,
    id=st.text(string.ascii_letters, min_size=1, max_size=200),
    source=words,
    source_class=st.sampled_from(SourceClass),
    published_at=instants,
    seen_at=instants,
    text=words.filter(str.strip),
    title=words,
    url=some,
    lang=some,
    author=some,
    entities=st.lists(st.sampled_from(["AAAA", "BBBB", "CCCC"]), unique=True).map(sorted).map(tuple),
    story_id=words,
)
PLAIN = Document(id="a", source="s", source_class=SourceClass.NEWS, published_at=AT, seen_at=AT, text="Profit falls.")


def reason_of(decode: Callable[[bytes], object], data: bytes) -> str | None:
    """Why `data` was refused, or None."""
    try:
        decode(data)
    except InvalidRecordError as err:
        return err.reason
    return None


@given(documents)
def test_document_comes_back_as_it_was(document: Document) -> None:
    """Any text, any script; no field is lost on the bus."""
    assert decode_document(encode_document(document)) == document


@given(documents, st.integers(0, 100), st.integers(0, 100))
def test_label_comes_back_as_it_was(document: Document, low: int, high: int) -> None:
    """Short texts travel whole in the label too."""
    low, high = sorted((low, high))
    split = Probabilities(negative=low / 100, neutral=(high - low) / 100, positive=(100 - high) / 100)
    label = Label(
        document=document,
        prediction=Prediction(topic="earnings", topic_probability=0.25, probabilities=split, model="m-1"),
        labeled_at=AT,
    )
    back = decode_label(encode_label(label))
    assert (back.document, back.labeled_at) == (document, AT)
    assert back.prediction.sentiment == label.prediction.sentiment
    assert back.prediction.probabilities.negative == pytest.approx(split.negative, abs=1e-6)


def test_the_answers_on_entities_and_the_abstention_travel() -> None:
    """What the model said about whom must reach the aggregator, and a label of an older stage is still read."""
    split = Probabilities(negative=0.25, neutral=0.25, positive=0.5)
    prediction = Prediction(
        topic="t", topic_probability=1.0, probabilities=split, model="m", finance=0.75,
        entities=(EntitySentiment(entity="ACME", probabilities=split, uncertain=True),),
        abstained=Abstention.LOW_CONFIDENCE,
    )  # fmt: skip
    record = encode_label(Label(document=PLAIN, prediction=prediction, labeled_at=AT))
    assert decode_label(record).prediction == prediction
    older = {key: value for key, value in json.loads(record).items() if key not in {"entities", "finance", "abstained"}}
    found = decode_label(json.dumps(older).encode()).prediction
    assert (found.entities, found.finance, found.abstained) == ((), 1.0, None)


def test_label_carries_an_excerpt_of_a_long_text() -> None:
    """The evidence needs the beginning, the bus not the rest."""
    long = Document(id="a", source="s", source_class=SourceClass.NEWS, published_at=AT, seen_at=AT, text="x" * 9000)
    split = Probabilities(negative=1.0, neutral=0.0, positive=0.0)
    prediction = Prediction(topic="t", topic_probability=1.0, probabilities=split, model="m")
    back = decode_label(encode_label(Label(document=long, prediction=prediction, labeled_at=AT)))
    assert back.document.text == "x" * EXCERPT_CHARS


def test_record_of_a_newer_stage_with_an_added_key_is_read() -> None:
    """Stages are upgraded one after the other."""
    record = {**json.loads(encode_document(PLAIN)), "added_later": [1, 2]}
    assert decode_document(json.dumps(record).encode()) == PLAIN


def test_times_of_other_zones_become_utc() -> None:
    """The rest of the program knows no other zone."""
    record = {**json.loads(encode_document(PLAIN)), "published_at": "2026-11-24T14:00:00+02:00"}
    assert decode_document(json.dumps(record).encode()).published_at == AT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v": 2}, "unsupported_version"),
        ({"published_at": "2026-11-24T12:00:00"}, "bad_date"),
        ({"published_at": "yesterday"}, "schema"),
        ({"text": 5}, "schema"),
        ({"text": " "}, "empty_text"),
        ({"source_class": "rumour"}, "schema"),
    ],
)
def test_record_that_cannot_be_used_says_why(change: dict, reason: str) -> None:
    """It goes to the dead letters under this reason."""
    record = {**json.loads(encode_document(PLAIN)), **change}
    with pytest.raises(InvalidRecordError) as caught:
        decode_document(json.dumps(record).encode())
    assert caught.value.reason == reason


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_but_a_refusal(data: bytes) -> None:
    """One poisoned record must not stop a worker."""
    for decode in (decode_document, decode_label, decode_submission, decode_dead_letter):
        assert reason_of(decode, data) in (None, *REJECT_REASONS)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_no_json_is_refused_as_such(data: bytes) -> None:
    """Deep nesting and broken UTF-8 too."""
    with pytest.raises(InvalidRecordError) as caught:
        decode_submission(data)
    assert caught.value.reason in ("malformed_json", "schema")


def test_submission_with_an_unknown_key_is_refused_by_name() -> None:
    """It is most often a misspelt one."""
    data = json.dumps({"source": "s", "published_at": "2026-11-24T12:00:00Z", "text": "t", "tittle": "x"}).encode()
    with pytest.raises(InvalidRecordError, match="tittle"):
        decode_submission(data)


@given(st.binary(max_size=300), st.none() | st.binary(max_size=20))
def test_dead_letter_keeps_the_original_bytes(value: bytes, key: bytes | None) -> None:
    """Whatever they were: that is what it is for."""
    record = Record(topic="t.documents", partition=3, offset=42, key=key, value=value)
    letter = decode_dead_letter(
        encode_dead_letter(record, InvalidRecordError("no", reason="schema"), stage="classify", at=AT)
    )
    assert letter.value == value
    assert (letter.stage, letter.reason, letter.topic, letter.partition, letter.offset) == (
        "classify", "schema", "t.documents", 3, 42,
    )  # fmt: skip


def test_refusal_before_the_bus_names_its_source() -> None:
    """There is no topic and offset yet."""
    letter = decode_dead_letter(encode_refusal(b"\xff", InvalidRecordError("bad"), source="desk", at=AT))
    assert (letter.value, letter.source, letter.topic, letter.reason) == (b"\xff", "desk", None, "invalid")
