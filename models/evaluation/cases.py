"""What a model is asked and what would be right: labelled tables in, cases out.

A task is one question kind: the sentiment of a text, the sentiment towards each entity in it, or its topic. A row that
cannot be right stops everything with its file and number: a test set with holes measures something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.tables import Row, read_rows
from models.text import prepare
from models.training.data import NO_LABEL, TWEET_SENTIMENTS, WORD_SENTIMENTS
from models.training.decisions import parse_decisions
from models.training.rows import MAX_CHARS
from monitor.domain import Sentiment
from monitor.errors import ConfigurationError

SENTIMENTS = tuple(sentiment.value for sentiment in Sentiment)
SENTIMENT_LABELS: Mapping[str, int] = {
    **{str(number): label for number, label in TWEET_SENTIMENTS.items()},
    **WORD_SENTIMENTS,
    "bearish": WORD_SENTIMENTS["negative"],
    "bullish": WORD_SENTIMENTS["positive"],
}
SURELY_TOPICS = 6  #: Labels that a file of class numbers must have to be taken for topics unasked.
MIN_CLASSES = 2

Labels = NDArray[np.int64]


class Task(StrEnum):
    """What is asked about a text."""

    SENTIMENT = "sentiment"
    ENTITY = "entity"
    TOPIC = "topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One text with what is true of it."""

    text: str  #: Prepared.
    label: int = NO_LABEL  #: Of the text as a whole; none where entities are asked about.
    entities: tuple[tuple[str, int], ...] = ()  #: Surface and sentiment of each.
    path: Path
    row: int
    source_class: str = ""  #: Empty: not given.
    lang: str = ""  #: Empty: not given.
    finance: int = NO_LABEL  #: 1 about finance, 0 not.

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        return f"{self.path}: row {self.row}"

    @property
    def is_mixed(self) -> bool:
        """Whether its entities carry different sentiments, so that no one answer fits all."""
        return len({sentiment for _, sentiment in self.entities}) > 1


@dataclass(frozen=True, kw_only=True)
class Cases:
    """All cases of one task; an answer is wanted for each label."""

    task: Task
    classes: tuple[str, ...]  #: In label order.
    cases: tuple[Case, ...]

    @cached_property
    def labels(self) -> Labels:
        """What is right: one a case, or one an entity in the order of the cases."""
        if self.task is Task.ENTITY:
            return np.array([label for case in self.cases for _, label in case.entities], dtype=np.int64)
        return np.array([case.label for case in self.cases], dtype=np.int64)

    @cached_property
    def owners(self) -> Labels:
        """The case that each label belongs to."""
        times = [len(case.entities) if self.task is Task.ENTITY else 1 for case in self.cases]
        return np.repeat(np.arange(len(self.cases)), times)

    def without(self, positions: Iterable[int]) -> Cases:
        """The cases but for those at `positions`."""
        left_out = frozenset(positions)
        kept = tuple(case for index, case in enumerate(self.cases) if index not in left_out)
        return Cases(task=self.task, classes=self.classes, cases=kept)

    def refuse_one_class(self) -> None:
        """Raise where every label is the same: nothing could be told apart."""
        found = np.unique(self.labels)
        if len(found) < MIN_CLASSES:
            what = f"all {len(self.labels)} labels are {self.classes[found[0]]!r}" if len(found) else "no label is left"
            files = ", ".join(sorted({str(case.path) for case in self.cases})) or "the data"
            raise ConfigurationError(f"{files}: {what}; a measure needs rows of {MIN_CLASSES} classes or more")


def read_cases(paths: Sequence[Path], *, topics: Sequence[str], task: Task | None = None) -> Cases:
    """The cases of all `paths` together; `task` None: what the columns and labels say."""
    tables = [read_rows(path) for path in paths]
    rows = [row for table in tables for row in table]
    asked = task or _one_task({path: task_of(table, topics) for path, table in zip(paths, tables, strict=True)})
    if asked is Task.TOPIC:
        cases = _whole(rows, _topic_labels(topics), hint=f"allowed are 0 to {len(topics) - 1} and the names of classes")
    elif asked is Task.SENTIMENT:
        cases = _sentiments(rows)
    else:
        cases = _entities(rows)
    classes = tuple(topics) if asked is Task.TOPIC else SENTIMENTS
    return Cases(task=asked, classes=classes, cases=tuple(cases))


def task_of(rows: Sequence[Row], topics: Sequence[str]) -> Task:
    """Entities where there are some; topics where the labels can be nothing else; else sentiment."""
    if rows[0].entity is not None or rows[0].decisions is not None:
        return Task.ENTITY
    labels = {row.label.lower() for row in rows}
    named = {name.lower() for name in topics}
    if labels <= named or (labels <= _topic_labels(topics).keys() and len(labels) >= SURELY_TOPICS):
        return Task.TOPIC
    return Task.SENTIMENT


def _one_task(found: Mapping[Path, Task]) -> Task:
    if len(set(found.values())) > 1:
        told = ", ".join(f"{path} is {task}" for path, task in found.items())
        raise ConfigurationError(f"the files ask different things ({told}); evaluate each alone, or give --task")
    return next(iter(found.values()))


def _topic_labels(topics: Sequence[str]) -> Mapping[str, int]:
    return {key: label for label, name in enumerate(topics) for key in (str(label), name.lower())}


def _label(row: Row, label: str, labels: Mapping[str, int], hint: str) -> int:
    found = labels.get(label.lower())
    if found is None:
        raise ConfigurationError(f"{row.place}: unknown label {label!r}; {hint}")
    return found


def _whole(rows: Iterable[Row], labels: Mapping[str, int], *, hint: str) -> list[Case]:
    return [_case(row, label=_label(row, row.label, labels, hint)) for row in rows]


def _sentiments(rows: Iterable[Row]) -> list[Case]:
    """Texts with a sentiment; of headlines with decisions, and of entity rows, those whose entities agree."""
    hint = "allowed are negative, neutral, positive, or 0 bearish, 1 bullish, 2 neutral; for topics give --task topic"
    listed = list(rows)
    plain = [row for row in listed if row.entity is None and row.decisions is None]
    about = _entities([row for row in listed if row.entity is not None or row.decisions is not None])
    agreed = [_agreed(case) for case in about if not case.is_mixed]
    return [*_whole(plain, SENTIMENT_LABELS, hint=hint), *agreed]


def _agreed(case: Case) -> Case:
    return Case(text=case.text, label=case.entities[0][1], path=case.path, row=case.row, lang=case.lang,
                source_class=case.source_class, finance=case.finance)  # fmt: skip


def _entities(rows: Iterable[Row]) -> list[Case]:
    """One case a text: rows of one file that repeat the text name its entities one by one."""
    first: dict[tuple[Path, str], Row] = {}
    found: dict[tuple[Path, str], dict[str, int]] = {}
    for row in rows:
        key = (row.path, row.text)
        first.setdefault(key, row)
        found.setdefault(key, {}).update(_decided(row))
    return [_case(first[key], entities=tuple(entities.items())) for key, entities in found.items()]


def _decided(row: Row) -> dict[str, int]:
    words = _named(row)
    hint = "allowed towards an entity are negative, neutral, positive, or 0 bearish, 1 bullish, 2 neutral"
    return {prepare(name, max_chars=MAX_CHARS): _label(row, word, SENTIMENT_LABELS, hint)
            for name, word in words.items()}  # fmt: skip


def _named(row: Row) -> Mapping[str, str]:
    """The entities that a row names, with their labels as written."""
    if row.decisions is not None:
        words = parse_decisions(row.decisions, prepare(row.text, max_chars=MAX_CHARS))
        if not words:
            raise ConfigurationError(f"{row.place}: Decisions names no entity; write {{'Name': 'negative'}}")
        return words
    if row.entity is None:
        raise ConfigurationError(f"{row.path}: no column entity, which the task entity needs; add it, or Decisions")
    if not row.entity:
        raise ConfigurationError(f"{row.place}: the entity is empty; name it, or give --task sentiment")
    return {row.entity: row.label}


def _case(row: Row, *, label: int = NO_LABEL, entities: tuple[tuple[str, int], ...] = ()) -> Case:
    finance = {"": NO_LABEL, "0": 0, "1": 1}
    if row.finance not in finance:
        raise ConfigurationError(f"{row.place}: finance is {row.finance!r}; write 1, 0 or nothing")
    return Case(
        text=prepare(row.text, max_chars=MAX_CHARS),
        label=label,
        entities=entities,
        path=row.path,
        row=row.number,
        source_class=row.source_class,
        lang=row.lang,
        finance=finance[row.finance],
    )
