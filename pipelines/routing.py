"""Send each text to the classifier that reads its language: texts in, answers in their order out.

A text whose language no classifier reads is sent to none. Its answer says so, and carries nothing that could be counted
or shown as a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.domain import Abstention, Document, Mention, Prediction, Probabilities
from monitor.ports import Classifier
from pipelines.languages import DEFAULT, detect

FindMentions = Callable[[str, Iterable[str]], tuple[Mention, ...]]
"""The words by which a text names each of the tickers."""

Routes = Mapping[str, Classifier]  #: By primary tag of the language.

#: Even, but for what keeps the most probable sentiment neutral: evidence of bad news is looked up by it.
UNSCORED = Prediction(
    topic="",
    topic_probability=0.0,
    probabilities=Probabilities(negative=0.333, neutral=0.334, positive=0.333),
    model="none",
    abstained=Abstention.LANGUAGE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One text for the model."""

    id: str  #: Of the document.
    text: str
    language: str  #: Primary tag.
    mentions: tuple[Mention, ...] = ()
    text_key: str = ""  #: Questions with one key read alike; empty: nothing is known of that.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Makes questions of documents."""

    mentions: FindMentions
    default_language: str = DEFAULT  #: Of a text whose language cannot be told.

    def question(self, document: Document) -> Question:
        """What the model is asked about `document`."""
        text = document.content
        return Question(
            id=document.id,
            text=text,
            language=detect(text, document.lang, default=self.default_language),
            mentions=self.mentions(text, document.entities),
            text_key=document.text_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one classifier answered on the texts that were sent to it."""

    classifier: Classifier
    questions: Sequence[Question]
    answers: Sequence[Prediction | Exception]  #: In the order of the questions.


class Models(Protocol):
    """The classifiers in use."""

    def routes(self, now: datetime) -> Routes:
        """The classifier of each language that one reads; asked before each batch, so it may change between two."""

    def saw(self, answered: Sequence[Answered]) -> None:
        """Take note of what was answered, after it was sent on; whatever goes wrong here is not raised."""

    def close(self) -> None:
        """Release what runs beside the stage."""


class OneModel:
    """One classifier that never changes, for the languages given."""

    def __init__(self, classifier: Classifier, languages: Sequence[str] = ("en",)) -> None:
        self._routes = dict.fromkeys(languages, classifier)

    def routes(self, now: datetime) -> Routes:
        """The same at all times."""
        del now
        return self._routes

    def saw(self, answered: Sequence[Answered]) -> None:
        """Nothing is noted."""

    def close(self) -> None:
        """Nothing to release."""


def ask(routes: Routes, questions: Sequence[Question]) -> tuple[list[Prediction | Exception], list[Answered]]:
    """The answers in order, and by classifier what each was asked; one call a classifier, so that batches stay full."""
    asked: dict[int, tuple[Classifier, list[int]]] = {}
    for index, question in enumerate(questions):
        if classifier := routes.get(question.language):
            asked.setdefault(id(classifier), (classifier, []))[1].append(index)
    answers: list[Prediction | Exception] = [UNSCORED] * len(questions)
    groups = [_ask(classifier, [questions[index] for index in indexes]) for classifier, indexes in asked.values()]
    for group, (_, indexes) in zip(groups, asked.values(), strict=True):
        for index, answer in zip(indexes, group.answers, strict=True):
            answers[index] = answer
    return answers, groups


def _ask(classifier: Classifier, questions: Sequence[Question]) -> Answered:
    mentions = [question.mentions for question in questions]
    answers = classifier.classify([question.text for question in questions], mentions if any(mentions) else None)
    return Answered(classifier=classifier, questions=questions, answers=answers)
