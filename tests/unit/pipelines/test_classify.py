"""Classify: every document becomes a label or a dead letter, never nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from monitor.domain import (
    Abstention,
    Document,
    EntitySentiment,
    Mention,
    Message,
    Prediction,
    Probabilities,
    Record,
    SourceClass,
)
from monitor.errors import InvalidRecordError, TransientError
from monitor.metrics import ClassifyMetrics, StageMetrics
from monitor.settings import WatchedEntity
from pipelines import wire
from pipelines.classify import Classify
from pipelines.dead_letters import DeadLetters
from pipelines.entities import EntityLinker
from pipelines.routing import Answered, Models, OneModel, Reader, Routes
from pipelines.topics import Topics

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TOPICS = Topics(prefix="t")


class WordClassifier:
    """Negative when the text says so; fails on a text that says `explode`."""

    def __init__(self, version: str = "words-1") -> None:
        self.version = version
        self.asked: list[Sequence[str]] = []

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        self.asked.append(texts)
        named = mentions or [()] * len(texts)
        return [self._answer(text, about) for text, about in zip(texts, named, strict=True)]

    def _answer(self, text: str, mentions: Sequence[Mention]) -> Prediction | Exception:
        if "explode" in text:
            return RuntimeError("boom")
        return Prediction(
            topic="Earnings",
            topic_probability=0.5,
            probabilities=negative(0.9 if "bad" in text else 0.1),
            model=self.version,
            entities=tuple(self._towards(text, mention) for mention in mentions),
        )

    def _towards(self, text: str, mention: Mention) -> EntitySentiment:
        """Bad for the entity whose words the text begins with."""
        is_bad = any(text.startswith(surface) for surface in mention.surfaces)
        return EntitySentiment(entity=mention.entity, probabilities=negative(0.9 if is_bad else 0.1))


def negative(share: float) -> Probabilities:
    """So much negative, the rest neutral."""
    return Probabilities(negative=share, neutral=1 - share, positive=0.0)


class Scripted:
    """Models that change at every batch."""

    def __init__(self, *turns: Routes) -> None:
        self._turns = list(turns)
        self.seen: list[Answered] = []

    def routes(self, now: datetime) -> Routes:
        return self._turns.pop(0)

    def saw(self, answered: Sequence[Answered]) -> None:
        self.seen += answered

    def close(self) -> None:
        """Nothing to release."""


class ListProducer:
    """Remembers what was sent; refuses while `away`."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.away = False

    def send(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise TransientError("broker away")
        self.sent += messages

    def close(self) -> None:
        """Nothing to release."""


def record(offset: int, text: str | None, *, lang: str | None = None, entities: tuple[str, ...] = ()) -> Record:
    """A record of the documents topic; without text, bytes that are not JSON."""
    value = b"{oops"
    if text is not None:
        document = Document(
            id=f"d{offset}", source="wire", source_class=SourceClass.NEWS, published_at=T0, seen_at=T0, text=text,
            story_id=f"s{offset}", lang=lang, entities=entities,
        )  # fmt: skip
        value = wire.encode_document(document)
    return Record(topic=TOPICS.documents, partition=0, offset=offset, key=None, value=value)


WATCHED = (WatchedEntity(ticker="ACME", name="Acme"), WatchedEntity(ticker="GLBX", name="Globex"))


def stage(models: Models | None = None) -> tuple[Classify, ListProducer, CollectorRegistry]:
    """The stage over fakes, with its producer and registry."""
    registry, producer = CollectorRegistry(), ListProducer()
    letters = DeadLetters(stage="classify", topic=TOPICS.dead_letters, metrics=StageMetrics(registry))
    made = Classify(
        models=models or OneModel(WordClassifier()),
        reader=Reader(mentions=EntityLinker(WATCHED).mentions),
        producer=producer,
        topics=TOPICS,
        dead_letters=letters,
        metrics=ClassifyMetrics(registry),
    )
    return made, producer, registry


def test_labels_keep_their_document_and_are_keyed_by_story() -> None:
    """Copies of one story meet in one partition."""
    made, producer, registry = stage()

    made.handle([record(0, "bad news"), record(1, "good news")], T0)

    labels = [wire.decode_label(message.value) for message in producer.sent]
    assert [label.document.id for label in labels] == ["d0", "d1"]
    assert [label.prediction.sentiment.value for label in labels] == ["negative", "neutral"]
    assert [message.key for message in producer.sent] == [b"s0", b"s1"]
    assert registry.get_sample_value("tapewatch_classify_documents_total", {"outcome": "labeled"}) == 2


def test_a_poisoned_record_costs_one_dead_letter_and_nothing_else() -> None:
    """Both kinds of poison: bytes that cannot be read, and a text on which the model fails."""
    made, producer, registry = stage()

    made.handle([record(0, None), record(1, "explode"), record(2, "bad news")], T0)

    letters = [wire.decode_dead_letter(m.value) for m in producer.sent if m.topic == TOPICS.dead_letters]
    assert [(letter.offset, letter.reason) for letter in letters] == [(0, "malformed_json"), (1, "model_failed")]
    assert letters[0].value == b"{oops"
    assert [wire.decode_label(m.value).document.id for m in producer.sent if m.topic == TOPICS.labels] == ["d2"]
    assert (
        registry.get_sample_value("tapewatch_dead_letters_total", {"stage": "classify", "reason": "model_failed"}) == 1
    )


def test_a_broker_that_is_away_counts_nothing_and_is_asked_again() -> None:
    """Nothing is counted before it is acknowledged, so a retry does not count twice."""
    made, producer, registry = stage()
    producer.away = True

    with pytest.raises(TransientError):
        made.handle([record(0, None)], T0)

    reason = {"stage": "classify", "reason": "malformed_json"}
    assert not registry.get_sample_value("tapewatch_dead_letters_total", reason)
    producer.away = False
    made.handle([record(0, None)], T0)
    assert registry.get_sample_value("tapewatch_dead_letters_total", reason) == 1


def test_a_label_from_the_future_wire_version_is_refused_with_its_version() -> None:
    """A newer producer is named, not misread."""
    with pytest.raises(InvalidRecordError, match="wire version 2"):
        wire.decode_document(record(0, "text").value.replace(b'"v":1', b'"v":2'))


CHINESE = "艾克美公司股价大跌"
GERMAN = "Die Aktie ist nach der Gewinnwarnung deutlich gefallen"


def test_labels_carry_the_sentiment_towards_each_entity() -> None:
    """`A sues B` is bad for one and good for the other; the counts of each go by its own."""
    made, producer, _ = stage()

    made.handle([record(0, "Acme sues Globex", entities=("ACME", "GLBX", "ZZZ"))], T0)

    (label,) = [wire.decode_label(message.value) for message in producer.sent]
    assert {e.entity: e.probabilities.top.value for e in label.prediction.entities} == {
        "ACME": "negative", "GLBX": "neutral", "ZZZ": "neutral",
    }  # fmt: skip


def test_each_text_goes_to_the_model_of_its_language_in_one_call_each() -> None:
    """Batches stay full, and answers find their documents again."""
    english, other = WordClassifier("en-1"), WordClassifier("many-1")
    made, producer, registry = stage(Scripted({"en": english, "zh": other, "de": other}))
    texts = ["bad news", CHINESE, "good news", GERMAN]

    made.handle([record(offset, text) for offset, text in enumerate(texts)], T0)

    assert (english.asked, other.asked) == ([["bad news", "good news"]], [[CHINESE, GERMAN]])
    labels = [wire.decode_label(message.value) for message in producer.sent]
    assert [(label.document.id, label.prediction.model) for label in labels] == [
        ("d0", "en-1"), ("d1", "many-1"), ("d2", "en-1"), ("d3", "many-1"),
    ]  # fmt: skip
    counted = {tag: registry.get_sample_value("tapewatch_classify_languages_total", {"language": tag})
               for tag in ("en", "zh", "de")}  # fmt: skip
    assert counted == {"en": 2, "zh": 1, "de": 1}


def test_a_language_that_no_model_reads_is_marked_and_not_scored() -> None:
    """An English model would answer something on any text, and nobody could tell."""
    english = WordClassifier()
    made, producer, registry = stage(OneModel(english))

    made.handle([record(0, CHINESE), record(1, "bad news")], T0)

    first, second = (wire.decode_label(message.value).prediction for message in producer.sent)
    assert english.asked == [["bad news"]]
    assert (first.abstained, first.topic, first.model) == (Abstention.LANGUAGE, "", "none")
    assert first.sentiment.value == "neutral"
    assert second.abstained is None
    values = {name: registry.get_sample_value("tapewatch_classify_documents_total", {"outcome": name})
              for name in ("labeled", "unscored")}  # fmt: skip
    assert values == {"labeled": 1, "unscored": 1}
    assert registry.get_sample_value("tapewatch_classify_languages_total", {"language": "other"}) == 1
    assert registry.get_sample_value("tapewatch_classify_languages_total", {"language": "zh"}) is None


def test_a_tag_from_the_source_is_heard() -> None:
    """A short text gives its language away to nobody but its sender."""
    made, producer, _ = stage()
    made.handle([record(0, "Aandelen dalen fors na waarschuwing", lang="nl")], T0)
    assert wire.decode_label(producer.sent[0].value).prediction.abstained is Abstention.LANGUAGE


def test_a_model_that_takes_over_between_batches_loses_no_record() -> None:
    """Every document of either batch is labelled, once, by the model of its batch."""
    old, new = WordClassifier("words-1"), WordClassifier("words-2")
    models = Scripted({"en": old}, {"en": new})
    made, producer, _ = stage(models)

    for start in (0, 3):
        made.handle([record(start + n, "bad news") for n in range(3)], T0)

    labels = [wire.decode_label(message.value) for message in producer.sent]
    assert [(label.document.id, label.prediction.model) for label in labels] == [
        *((f"d{n}", "words-1") for n in range(3)), *((f"d{n}", "words-2") for n in range(3, 6)),
    ]  # fmt: skip
    assert [group.classifier for group in models.seen] == [old, new]


def test_what_was_not_sent_is_not_shown_to_the_candidate() -> None:
    """A batch that comes again would be compared twice."""
    models = Scripted({"en": WordClassifier()}, {"en": WordClassifier()})
    made, producer, _ = stage(models)
    producer.away = True
    with pytest.raises(TransientError):
        made.handle([record(0, "bad news")], T0)
    assert models.seen == []
    producer.away = False
    made.handle([record(0, "bad news")], T0)
    assert [len(group.questions) for group in models.seen] == [1]


def test_copies_take_the_label_of_the_text_that_was_read() -> None:
    """One text a key reaches the model, every document gets a label of its own."""
    model = WordClassifier()
    made, producer, registry = stage(OneModel(model))
    copies = [copy_of(record(n, text), "key") for n, text in enumerate(("bad news", "Bad news!", "BAD NEWS"))]

    made.handle([*copies, record(3, "bad news")], T0)

    labels = [wire.decode_label(message.value) for message in producer.sent]
    assert [label.document.id for label in labels] == ["d0", "d1", "d2", "d3"]
    assert {label.prediction.sentiment.value for label in labels} == {"negative"}
    assert model.asked == [["bad news", "bad news"]]
    assert registry.get_sample_value("tapewatch_classify_reused_total") == 2
    assert registry.get_sample_value("tapewatch_classify_documents_total", {"outcome": "labeled"}) == 4


def copy_of(original: Record, text_key: str) -> Record:
    """`original` with a text key."""
    document = replace(wire.decode_document(original.value), text_key=text_key)
    return replace(original, value=wire.encode_document(document))
