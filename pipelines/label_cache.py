"""Read alike texts once: questions in, answers out, those on copies taken over from the text that was read first.

Texts with one text key read alike, so one answer serves them all, as long as the same model is asked in the same
language about the same entities. A document without a text key is always read; a failure serves
nobody. For one stage.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from monitor.domain import Prediction
from pipelines.latest import Latest
from pipelines.routing import Answered, Question, Routes

MAX_LABELS = 20_000

Answer = Prediction | Exception
Ask = Callable[[Routes, Sequence[Question]], tuple[list[Answer], list[Answered]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is to be said of each question."""

    answers: Sequence[Answer]  #: In the order of the questions.
    answered: Sequence[Answered]  #: What each model was asked.
    reused: int  #: Answers that were taken over from a copy.


class LabelCache:
    """The latest answers by what was asked."""

    def __init__(self, *, max_labels: int = MAX_LABELS) -> None:
        self._held = Latest[Hashable, Prediction](max_labels)

    def __len__(self) -> int:
        """Answers held."""
        return len(self._held)

    def answer(self, routes: Routes, questions: Sequence[Question], ask: Ask) -> Answers:
        """Answer `questions`, asking those of which no copy was read yet."""
        keys = [_key(routes, number, question) for number, question in enumerate(questions)]
        known: dict[Hashable, Answer] = {**self._held.use(keys)}
        first: dict[Hashable, int] = {}
        for number, key in enumerate(keys):
            if key not in known:
                first.setdefault(key, number)
        fresh, answered = ask(routes, [questions[number] for number in first.values()])
        known |= zip(first, fresh, strict=True)
        answers = [known[key] for key in keys]
        # Copies only read alike: they may lack what the model failed on.
        failed = [n for n, answer in enumerate(answers) if isinstance(answer, Exception) and first.get(keys[n]) != n]
        if failed:
            again, more = ask(routes, [questions[number] for number in failed])
            answers = _replaced(answers, failed, again)
            answered = [*answered, *more]
        fit = {key: each for key, each in zip(keys, answers, strict=True) if isinstance(each, Prediction)}
        self._held.keep({key: each for key, each in fit.items() if not isinstance(key, int)})
        return Answers(answers=answers, answered=answered, reused=len(questions) - len(first) - len(failed))


def _key(routes: Routes, number: int, question: Question) -> Hashable:
    """What answers are shared by; a number where they are not."""
    model = routes.get(question.language)
    if model is None or not question.text_key:
        return number
    return question.text_key, question.language, model.version, tuple(mention.entity for mention in question.mentions)


def _replaced(answers: Sequence[Answer], numbers: Sequence[int], by: Sequence[Answer]) -> list[Answer]:
    instead = dict(zip(numbers, by, strict=True))
    return [instead.get(number, answer) for number, answer in enumerate(answers)]
