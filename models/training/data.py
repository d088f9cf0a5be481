"""Read the training and test sets: folder in, examples out.

A row that carries a label of one task trains that task only. Training rows that stand in a test set, or that repeat
another apart from the link, are left out, so that no score is earned by memory. A row that cannot be right is an error
that names file and row: a silent hole in the data would become a silent hole in the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.evaluation.tables import HEADLINES, PLAIN, read_rows
from models.text import prepare
from models.training.decisions import parse_decisions
from models.training.invented import read_invented
from models.training.rows import MAX_CHARS, NO_LABEL, WORD_SENTIMENTS, Example, lot, repeat_key, without_repeats
from monitor.errors import ConfigurationError

__all__ = [
    "NO_LABEL", "WORD_SENTIMENTS", "Corpus", "Example", "parse_decisions", "read_classes", "read_corpus",
    "read_headlines", "read_sentiments", "read_topics", "repeat_key", "without_repeats",
]  # fmt: skip

TWEET_SENTIMENTS: Mapping[int, int] = {0: 0, 1: 2, 2: 1}  #: bearish, bullish, neutral -> order of the sentiment head.
HEADLINES_TEST_SHARE = 0.2  #: Of the headlines, kept out of training; which ones is decided by their words.
NOT_SURELY_FINANCE = frozenset({"General News | Opinion", "Politics"})  #: Topics that teach nothing of what finance is.


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Everything a run reads."""

    topics: tuple[str, ...]  #: Class names in label order.
    rows: tuple[Example, ...]  #: For training and development.
    tests: Mapping[str, tuple[Example, ...]]  #: Read for the report at the end; they decide nothing.
    files: tuple[Path, ...]  #: The files read, for their hashes.


def read_corpus(folder: Path, *, languages: Iterable[str] = ("en",)) -> Corpus:
    """Read `sentiment/` and `topic/` under `folder`, and the invented rows that ship, of `languages`."""
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
    labels = {index: index for index in range(len(topics))}
    headlines = list(read_headlines(files["headlines"]))
    held = {example.text for example in headlines if lot(example.text, salt="headlines") < HEADLINES_TEST_SHARE}
    tests = {
        "tweets_valid": tuple(read_sentiments(files["tweets_valid"])),
        "topics_valid": tuple(read_topics(files["topics_valid"], labels)),
        "headlines_test": tuple(example for example in headlines if example.text in held),
    }
    unsure = {index for index, name in enumerate(topics) if name in NOT_SURELY_FINANCE}
    rows = [
        *read_sentiments(files["tweets"]),
        *(example for example in headlines if example.text not in held),
        *read_topics(files["topics"], labels, unsure=unsure),
        *read_invented(topics, languages=tuple(languages)),
    ]
    kept = without_repeats(rows, held_out=[example for test in tests.values() for example in test])
    return Corpus(topics=topics, rows=tuple(kept), tests=tests, files=tuple(files.values()))


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
    for text, label in _labelled(path, TWEET_SENTIMENTS):
        yield Example(text=text, source="tweets", sentiment=label, finance=1)


def read_topics(path: Path, labels: Mapping[int, int], *, unsure: Iterable[int] = ()) -> Iterator[Example]:
    """Tweets with `text,label`, the label a class number; those of `unsure` classes need not be about finance."""
    doubtful = frozenset(unsure)
    for text, label in _labelled(path, labels):
        finance = NO_LABEL if label in doubtful else 1
        yield Example(text=text, source="topics", topic=label, finance=finance)


def read_headlines(path: Path) -> Iterator[Example]:
    """Headlines with a sentiment for each entity; that of the text as a whole is known where all agree."""
    for row in read_rows(path, layouts=(HEADLINES,)):
        text = prepare(row.text, max_chars=MAX_CHARS)
        found = parse_decisions(row.decisions or "", text)
        if not found or any(word not in WORD_SENTIMENTS for word in found.values()):
            raise ConfigurationError(f"{row.place}: Decisions must name negative, neutral or positive")
        entities = tuple((name, WORD_SENTIMENTS[word]) for name, word in found.items())
        sentiments = {sentiment for _, sentiment in entities}
        whole = sentiments.pop() if len(sentiments) == 1 else NO_LABEL
        yield Example(text=text, source="headlines", sentiment=whole, finance=1, entities=entities)


def _labelled(path: Path, labels: Mapping[int, int]) -> Iterator[tuple[str, int]]:
    known = {str(written): label for written, label in labels.items()}
    for row in read_rows(path, layouts=(PLAIN,)):
        if row.label not in known:
            allowed = f"{min(labels)} to {max(labels)}"
            raise ConfigurationError(f"{row.place}: unknown label {row.label!r}, allowed are {allowed}")
        yield prepare(row.text, max_chars=MAX_CHARS), known[row.label]
