"""Texts that read alike are read once, by the same model and about the same entities."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monitor.domain import Mention, Prediction, Probabilities
from pipelines.label_cache import Answer, Answers, LabelCache
from pipelines.routing import Answered, Question, Routes

ACME = Mention(entity="ACME", surfaces=("Acme",))


class Model:
    """Remembers what it was asked; fails on a text that says `explode`."""

    def __init__(self, version: str = "words-1") -> None:
        self.version = version
        self.asked: list[str] = []

    def classify(
        self, texts: Sequence[str], mentions: Sequence[Sequence[Mention]] | None = None
    ) -> Sequence[Prediction | Exception]:
        self.asked += texts
        return [RuntimeError("boom") if "explode" in text else self._answer(text) for text in texts]

    def _answer(self, text: str) -> Prediction:
        even = Probabilities(negative=0.2, neutral=0.5, positive=0.3)
        return Prediction(topic=text, topic_probability=0.5, probabilities=even, model=self.version)


def ask(routes: Routes, questions: Sequence[Question]) -> tuple[list[Answer], list[Answered]]:
    """All of them, of the model for English."""
    answers = list(routes["en"].classify([question.text for question in questions]))
    return answers, [Answered(classifier=routes["en"], questions=questions, answers=answers)]


def question(text: str, key: str = "k", *, mentions: tuple[Mention, ...] = (ACME,), language: str = "en") -> Question:
    """One text for the model."""
    return Question(id=text, text=text, language=language, mentions=mentions, text_key=key)


def answer(cache: LabelCache, model: Model, *questions: Question) -> Answers:
    """Ask `model` through `cache`."""
    return cache.answer({"en": model, "de": model}, questions, ask)


def said(answers: Answers) -> list[str]:
    """What each was answered: the text that was read for it, or the error."""
    return [each.topic if isinstance(each, Prediction) else str(each) for each in answers.answers]


def test_copies_take_the_answer_within_a_batch_and_later() -> None:
    """A hundred copies of a wire story cost the model one text."""
    cache, model = LabelCache(), Model()
    first = answer(cache, model, question("a"), question("b", "other"), question("a again"), question("A"))
    later = answer(cache, model, question("c"), question("d", "third"))

    assert said(first) == ["a", "b", "a", "a"]
    assert said(later) == ["a", "d"]
    assert model.asked == ["a", "b", "d"]
    assert (first.reused, later.reused) == (2, 1)
    assert [len(each.questions) for each in later.answered] == [1]


@pytest.mark.parametrize(
    "other",
    [
        question("b", mentions=()),
        question("b", mentions=(ACME, Mention(entity="GLBX", surfaces=("Globex",)))),
        question("b", language="de"),
        question("b", "other"),
    ],
    ids=["no entity", "one more entity", "another language", "another text"],
)
def test_what_was_not_asked_is_not_taken_over(other: Question) -> None:
    """The answer on Acme says nothing of Globex."""
    cache, model = LabelCache(), Model()
    answers = answer(cache, model, question("a"), other)
    assert said(answers) == ["a", "b"]
    assert answers.reused == 0


def test_entities_are_the_same_whichever_words_name_them() -> None:
    """A copy in capitals names Acme as ACME."""
    cache, model = LabelCache(), Model()
    loud = question("A", mentions=(Mention(entity="ACME", surfaces=("ACME",)),))
    assert said(answer(cache, model, question("a"), loud)) == ["a", "a"]


def test_documents_without_a_text_key_are_always_read() -> None:
    """Nothing is known of how they read."""
    cache, model = LabelCache(), Model()
    assert said(answer(cache, model, question("a", ""), question("a", ""))) == ["a", "a"]
    assert model.asked == ["a", "a"]
    assert len(cache) == 0


def test_a_promoted_model_reads_anew() -> None:
    """Its predecessor's labels carry another version, and may be why it was replaced."""
    cache, old, new = LabelCache(), Model("words-1"), Model("words-2")
    answer(cache, old, question("a"))
    answers = answer(cache, new, question("a"))
    assert [each.model for each in answers.answers if isinstance(each, Prediction)] == ["words-2"]
    assert new.asked == ["a"]


def test_a_failure_serves_nobody() -> None:
    """A copy may lack what the model failed on; the text that failed is not asked again by itself."""
    cache, model = LabelCache(), Model()
    answers = answer(cache, model, question("explode"), question("fine"), question("explode too"))
    assert said(answers) == ["boom", "fine", "boom"]
    assert model.asked == ["explode", "fine", "explode too"]
    assert answers.reused == 0
    assert said(answer(cache, model, question("x"))) == ["fine"]


def test_the_oldest_answers_go_first() -> None:
    """Memory is bounded; what copies still ask for stays."""
    cache, model = LabelCache(max_labels=2), Model()
    for text, key in (("a", "1"), ("b", "2"), ("again", "1"), ("c", "3")):
        answer(cache, model, question(text, key))
    assert len(cache) == 2
    assert said(answer(cache, model, question("new a", "1"), question("new b", "2"))) == ["a", "new b"]
