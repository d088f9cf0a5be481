"""The classifier's promises, over a backend that fails on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from models.backend import Answers, DeviceMemoryError, Landing, Tokens
from models.classifier import TextClassifier
from models.manifest import Calibration
from models.verdicts import Verdicts
from monitor.domain import Abstention, Mention, Prediction, Sentiment
from monitor.errors import InvalidRecordError

TOPICS = ("short", "long")


class FakeBackend:
    """Answers from the text alone: one token a word; the word `bad` fails, `nan` gives no number.

    It says that a text with `weather` is not about finance, and that an entity is bad news where its word is found.
    """

    ahead = 0
    fills = False

    def __init__(self, *, room: int = 10_000, window: int = 1000, fails_late: bool = False) -> None:
        self.room = room  #: Padded tokens that the device holds.
        self.window = window
        self.fails_late = fails_late  #: Memory runs out where a batch lands, not where it starts.
        self.batches: list[list[int]] = []
        self.words: dict[int, str] = {}
        self.flying = self.most_flying = 0

    def tokenise(self, texts: Sequence[str], surfaces: Sequence[Sequence[Sequence[str]]]) -> Sequence[Tokens]:
        if any("untokenisable" in text for text in texts):
            raise ValueError("cannot tokenise")
        return [
            Tokens(ids=[self._token(word) for word in text.split()], spans=tuple(spans_of(text, names)))
            for text, names in zip(texts, surfaces, strict=True)
        ]

    def run(self, rows: Sequence[Tokens]) -> Answers:
        return self.start(rows)()

    def start(self, rows: Sequence[Tokens]) -> Landing:
        if not self.fails_late:
            self._check_room(rows)
        self.batches.append([len(row.ids) for row in rows])
        self.flying += 1
        self.most_flying = max(self.flying, self.most_flying)
        return lambda: self._land(rows)

    def _land(self, rows: Sequence[Tokens]) -> Answers:
        self.flying -= 1
        self._check_room(rows)
        words = [[self.words[token] for token in row.ids] for row in rows]
        if any("bad" in row for row in words):
            raise RuntimeError("kernel failed")
        topics = [[0.9, 0.1] if len(row) < 3 else [0.2, 0.8] for row in words]
        sentiments = [[np.nan] * 3 if "nan" in row else [0.7, 0.2, 0.1] for row in words]
        finance = [0.1 if "weather" in row else 0.9 for row in words]
        entities = [[0.8, 0.1, 0.1] if span else [0.3, 0.4, 0.3] for row in rows for span in row.spans]
        parts = (np.array(part, dtype=np.float32) for part in (topics, sentiments, finance))
        named = dict(zip(("topics", "sentiments", "finance"), parts, strict=True))
        return Answers(**named, entities=np.array(entities, dtype=np.float32).reshape(-1, 3))

    def _check_room(self, rows: Sequence[Tokens]) -> None:
        if len(rows) * max(len(row.ids) for row in rows) > self.room:
            raise DeviceMemoryError("out of memory")

    def _token(self, word: str) -> int:
        token = hash(word)
        self.words[token] = word
        return token


def spans_of(text: str, names: Sequence[Sequence[str]]) -> Iterator[tuple[int, ...]]:
    """Positions of the words of each entity."""
    for surfaces in names:
        yield tuple(index for index, word in enumerate(text.split()) if word in surfaces)


def classifier(backend: FakeBackend, *, budget: int = 1000, calibration: Calibration | None = None) -> TextClassifier:
    """A classifier over `backend`."""
    verdicts = Verdicts(model="fake-1+0", topics=TOPICS, calibration=calibration or Calibration())
    return TextClassifier(backend, verdicts, max_batch_tokens=budget, max_text_chars=200)


def mention(name: str) -> Mention:
    """An entity that is written as it is called."""
    return Mention(entity=name, surfaces=(name,))


def topics_of(answers: Sequence[Prediction | Exception]) -> list[str]:
    """Topics, or the reason of the exception."""
    return [a.topic if isinstance(a, Prediction) else getattr(a, "reason", "?") for a in answers]


def test_answers_come_in_the_order_of_the_texts() -> None:
    """Batches are sorted by length inside; the caller must not notice."""
    texts = ["a b c d", "a", "a b c", "a b", "a b c d e"]
    assert topics_of(classifier(FakeBackend(), budget=4).classify(texts)) == ["long", "short", "long", "short", "long"]


def test_a_prediction_carries_version_and_distribution() -> None:
    """A label must say which model made it."""
    [answer] = classifier(FakeBackend()).classify(["a"])
    assert isinstance(answer, Prediction)
    assert (answer.model, answer.sentiment) == ("fake-1+0", Sentiment.NEGATIVE)
    assert answer.topic_probability == pytest.approx(0.9)
    assert (answer.finance, answer.entities, answer.abstained) == (pytest.approx(0.9), (), None)


@pytest.mark.parametrize("poison", ["bad", "untokenisable", "nan"])
def test_one_failing_text_costs_the_others_nothing(poison: str) -> None:
    """A poison document goes to the dead letters alone, not with its batch."""
    answers = classifier(FakeBackend()).classify(["a", f"{poison} b", "a b c"])
    assert topics_of(answers) == ["short", "model_failed", "long"]
    assert isinstance(answers[1], InvalidRecordError)


@pytest.mark.parametrize("fails_late", [False, True])
def test_out_of_memory_halves_the_budget_and_goes_on(*, fails_late: bool) -> None:
    """A GPU shared with others has less room than yesterday; that must not stop the monitor."""
    backend = FakeBackend(room=300, fails_late=fails_late)
    wanted = classifier(backend, budget=1000)
    assert topics_of(wanted.classify(["a b c"] * 400)) == ["long"] * 400
    assert wanted.budget == 250
    assert max(len(batch) * max(batch) for batch in backend.batches[-4:]) <= 250


def test_a_batch_is_started_before_the_last_has_landed() -> None:
    """The device must not wait while answers are made into predictions; more than two at once would cost memory."""
    backend = FakeBackend()
    classifier(backend, budget=3).classify(["a b c"] * 20)
    assert (len(backend.batches), backend.most_flying) == (20, 2)


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_long_call_is_answered_window_by_window(ahead: int) -> None:
    """A million texts are not tokenised at once; what is tokenised in a thread comes in the same order."""
    backend = FakeBackend(window=7)
    backend.ahead = ahead
    texts = ["a " * (1 + n % 4) for n in range(40)] + ["untokenisable"]
    wanted = ["long" if n % 4 > 1 else "short" for n in range(40)] + ["model_failed"]
    assert topics_of(classifier(backend).classify(texts)) == wanted
    assert max(len(batch) for batch in backend.batches) == 7


@pytest.mark.parametrize("fills", [False, True])
def test_each_entity_gets_its_own_answer(*, fills: bool) -> None:
    """Batches are sorted by length; the answers on entities must find back to their texts."""
    backend = FakeBackend()
    backend.fills = fills
    texts = ["a b c d", "a", "b c", "a c d"]
    asked = [[mention("b"), mention("x")], [], [mention("c")], [mention("x"), mention("d"), mention("a")]]
    found = classifier(backend, budget=5).classify(texts, asked)
    told = [[(e.entity, e.probabilities.top.value) for e in a.entities] for a in found if isinstance(a, Prediction)]
    bad, open_ = "negative", "neutral"
    assert told == [[("b", bad), ("x", open_)], [], [("c", bad)], [("x", open_), ("d", bad), ("a", bad)]]


def test_surfaces_are_prepared_as_texts_are() -> None:
    """What preparation folds in the text it must fold in the name, or the name is never found."""
    wanted = Mention(entity="AT", surfaces=("&amp;T",))
    [found] = classifier(FakeBackend()).classify(["&amp;T fell"], [[wanted]])
    assert isinstance(found, Prediction)
    assert found.entities[0].probabilities.top is Sentiment.NEGATIVE


def test_an_answer_without_a_verdict_says_why() -> None:
    """Off topic comes first: how sure the model is about a recipe tells nothing."""
    unsure = classifier(FakeBackend(), calibration=Calibration(confidence=0.75, finance=0.5))
    answers = unsure.classify(["a", "weather"], [[mention("a"), mention("x")], []])
    assert [a.abstained for a in answers if isinstance(a, Prediction)] == [
        Abstention.LOW_CONFIDENCE, Abstention.OFF_TOPIC
    ]  # fmt: skip
    assert isinstance(answers[0], Prediction)
    assert [entity.uncertain for entity in answers[0].entities] == [False, True]
    sure = classifier(FakeBackend(), calibration=Calibration(confidence=0.69, finance=0.05))
    assert [a.abstained for a in sure.classify(["a", "weather"]) if isinstance(a, Prediction)] == [None, None]


def test_mentions_for_other_texts_are_refused() -> None:
    """Answers would be given to the wrong companies."""
    with pytest.raises(ValueError, match="mentions"):
        classifier(FakeBackend()).classify(["a", "b"], [[mention("a")]])


def test_a_text_that_alone_does_not_fit_is_refused_alone() -> None:
    """Halving without end would hang the stage on one text."""
    answers = classifier(FakeBackend(room=5), budget=128).classify(["a b c d e f g h", "a"])
    assert topics_of(answers) == ["model_failed", "short"]


def test_no_texts_give_no_answers() -> None:
    """A batch of dead letters only leaves nothing to classify."""
    assert classifier(FakeBackend()).classify([]) == []


def test_text_is_cut_before_it_is_tokenised() -> None:
    """The tokeniser's time grows with the whole text."""
    backend = FakeBackend()
    classifier(backend).classify(["w " * 10_000])
    assert max(max(batch) for batch in backend.batches) <= 100


def test_unknown_tokens_are_counted_for_drift() -> None:
    """Another script or broken text shows first in words that the vocabulary lacks."""
    backend = FakeBackend()
    unknown = backend._token("nowhere")
    verdicts = Verdicts(model="fake-1+0", topics=TOPICS, calibration=Calibration())
    counting = TextClassifier(backend, verdicts, max_batch_tokens=64, max_text_chars=100, unknown=unknown)
    assert counting.token_counts == (0, 0)
    counting.classify(["a b nowhere", "nowhere nowhere"])
    counting.classify(["c"])
    assert counting.token_counts == (6, 3)
    assert classifier(backend).token_counts == (0, 0), "a vocabulary without such a token has nothing to count"
