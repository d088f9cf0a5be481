"""Read the training and validation sets: folder in, examples out.

A row that carries a label of one task trains that task only. Training rows that stand in a validation file, or that
repeat another apart from the link, are left out, so that no score is earned by memory. A row that cannot be right is
an error that names file and row: a silent hole in the data would become a silent hole in the model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from models.text import prepare
from monitor.errors import ConfigurationError

NO_LABEL = -100  #: What cross-entropy leaves out.
TWEET_SENTIMENTS: Mapping[int, int] = {0: 0, 1: 2, 2: 1}  #: bearish, bullish, neutral -> order of the sentiment head.
WORD_SENTIMENTS: Mapping[str, int] = {"negative": 0, "neutral": 1, "positive": 2}
MAX_CHARS = 4000

_NOT_WORD = re.compile(r"\W+")
_DECISION = re.compile(r"""(['"])\s*:\s*(['"])(?P<word>[A-Za-z]+)\2""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text with the labels it has."""

    text: str  #: Prepared.
    source: str  #: tweets, headlines or topics.
    topic: int = NO_LABEL
    sentiment: int = NO_LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Everything a run reads."""

    topics: tuple[str, ...]  #: Class names in label order.
    train: tuple[Example, ...]
    tweets_valid: tuple[Example, ...]
    topics_valid: tuple[Example, ...]
    files: tuple[Path, ...]  #: The files read, for their hashes.


def repeat_key(text: str) -> str:
    """What two rows share when one repeats the other: words in lower case, without links."""
    return _NOT_WORD.sub(" ", prepare(text, max_chars=MAX_CHARS).lower()).strip()


def read_corpus(folder: Path) -> Corpus:
    """Read `sentiment/` and `topic/` under `folder`."""
    names = {
        "tweets": "sentiment/tweets_train.csv",
        "tweets_valid": "sentiment/tweets_valid.csv",
        "headlines": "sentiment/sentfin.csv",
        "topics": "topic/train.parquet",
        "topics_valid": "topic/valid.csv",
        "classes": "topic/classes.txt",
    }
    files = {name: folder / path for name, path in names.items()}
    topics = read_classes(files["classes"])
    topic_labels = {index: index for index in range(len(topics))}
    tweets_valid = tuple(read_sentiments(files["tweets_valid"]))
    topics_valid = tuple(read_topics(files["topics_valid"], topic_labels))
    rows = [
        *read_sentiments(files["tweets"]),
        *read_headlines(files["headlines"]),
        *read_topics(files["topics"], topic_labels),
    ]
    train = tuple(without_repeats(rows, held_out=(*tweets_valid, *topics_valid)))
    return Corpus(
        topics=topics, train=train, tweets_valid=tweets_valid, topics_valid=topics_valid, files=tuple(files.values())
    )


def read_classes(path: Path) -> tuple[str, ...]:
    """Class names, one a line; line k (from 0) names label k."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise ConfigurationError(f"{path}: cannot read the topic classes: {err}") from err
    names = tuple(line.strip() for line in lines if line.strip())
    if len(set(names)) != len(names) or not names:
        raise ConfigurationError(f"{path}: class names must be unique, at least one")
    return names


def read_sentiments(path: Path) -> Iterator[Example]:
    """Tweets with `text,label`: 0 bearish, 1 bullish, 2 neutral."""
    for row, text, label in _labelled(path, TWEET_SENTIMENTS):
        yield Example(text=_text_of(path, row, text), source="tweets", sentiment=label)


def read_topics(path: Path, labels: Mapping[int, int]) -> Iterator[Example]:
    """Tweets with `text,label`, the label a class number."""
    for row, text, label in _labelled(path, labels):
        yield Example(text=_text_of(path, row, text), source="topics", topic=label)


def read_headlines(path: Path) -> Iterator[Example]:
    """Headlines whose entities all carry one sentiment; the others say nothing about the text as a whole."""
    table = _table(path, ("Title", "Decisions"))
    for row, (title, decisions) in enumerate(zip(table["Title"], table["Decisions"], strict=True), start=2):
        words = parse_decisions(str(decisions))
        unknown = words - WORD_SENTIMENTS.keys()
        if unknown or not words:
            raise ConfigurationError(f"{path}: row {row}: Decisions must name negative, neutral or positive")
        if len(words) == 1:
            sentiment = WORD_SENTIMENTS[words.pop()]
            yield Example(text=_text_of(path, row, title), source="headlines", sentiment=sentiment)


def parse_decisions(decisions: str) -> set[str]:
    """The sentiments in `{'entity': 'sentiment', ...}`; names with an apostrophe break the literal, not this."""
    try:
        value = ast.literal_eval(decisions)
    except (ValueError, SyntaxError):
        return {match["word"].lower() for match in _DECISION.finditer(decisions)}
    return {str(word).lower() for word in value.values()} if isinstance(value, dict) else set()


def without_repeats(rows: Iterable[Example], *, held_out: Iterable[Example]) -> Iterator[Example]:
    """Rows with words that neither stand in `held_out` nor repeat an earlier row of the same task."""
    barred = {repeat_key(example.text) for example in held_out}
    seen: set[tuple[bool, str]] = set()
    for example in rows:
        key = repeat_key(example.text)
        task = (example.topic == NO_LABEL, key)
        if key and key not in barred and task not in seen:
            seen.add(task)
            yield example


def _labelled(path: Path, labels: Mapping[int, int]) -> Iterator[tuple[int, object, int]]:
    table = _table(path, ("text", "label"))
    for row, (text, label) in enumerate(zip(table["text"], table["label"], strict=True), start=2):
        if label not in labels:
            allowed = f"{min(labels)} to {max(labels)}"
            raise ConfigurationError(f"{path}: row {row}: unknown label {label!r}, allowed are {allowed}")
        yield row, text, labels[int(label)]


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as err:
        raise ConfigurationError(f"{path}: cannot read the table: {err}") from err
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ConfigurationError(f"{path}: no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    return table


def _text_of(path: Path, row: int, text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"{path}: row {row}: the text is empty")
    return prepare(text, max_chars=MAX_CHARS)
