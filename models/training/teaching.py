"""Ask a teacher: training rows and unlabelled texts in, the same with the teacher's probabilities out.

A small network that imitates a stronger one learns more than the labels hold (Hinton et al., Distilling the knowledge
in a neural network, 2015), also from texts that nobody labelled.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

from models.artifacts import read_adapter
from models.engine import load_engine
from models.judging import Judged, answers_of
from models.text import prepare
from models.training.config import TrainingConfig
from models.training.rows import MAX_CHARS, NO_LABEL, Example, Teacher, repeat_key
from monitor.errors import ConfigurationError
from monitor.settings import ClassifierSettings

MAX_ENTITIES = 3  #: Cashtags of one text that are asked about.

_CASHTAG = re.compile(r"\$[A-Za-z]{1,6}\b")


def taught(
    rows: Sequence[Example], config: TrainingConfig, *, held_out: Iterable[Example], base: Path | None = None
) -> list[Example]:
    """`rows`, and texts of the unlabelled file that stand in no test set, with the teacher's answers.

    A row in a language that the teacher does not read stays as it is.
    `base` is the folder of the teacher's encoder, where it is not in the cache.
    """
    if config.teacher is None:
        return list(rows)
    teacher = read_adapter(str(config.teacher))
    barred = {repeat_key(example.text) for example in (*rows, *held_out)}
    asked = [example for example in rows if example.lang in teacher.manifest.languages]
    if config.unlabelled:
        fresh = [text for text in distinct_texts(config.unlabelled) if repeat_key(text) not in barred]
        random.Random(config.seed).shuffle(fresh)  # noqa: S311 - a choice, not a secret
        asked.extend(_unlabelled(text) for text in fresh[: config.unlabelled_rows])
    engine = load_engine(teacher, ClassifierSettings(threads=config.threads, encoder=base))
    untaught = [example for example in rows if example.lang not in teacher.manifest.languages]
    return [*untaught, *_answered(asked, answers_of(engine, asked))]


def _answered(asked: Sequence[Example], answers: Judged) -> list[Example]:
    """The rows with what the teacher answered on each."""
    ends = accumulate((len(example.entities) for example in asked), initial=0)
    entities = answers.entities.tolist()
    return [
        replace(example, teacher=Teacher(
            topic=tuple(topic), sentiment=tuple(sentiment), entities=tuple(tuple(row) for row in entities[first:last])
        ))
        for example, topic, sentiment, (first, last) in zip(
            asked, answers.topics.tolist(), answers.sentiments.tolist(), pairwise(ends), strict=True
        )
    ]  # fmt: skip


def _unlabelled(text: str) -> Example:
    tags = dict.fromkeys(_CASHTAG.findall(text))
    return Example(text=text, source="unlabelled", entities=tuple((tag, NO_LABEL) for tag in list(tags)[:MAX_ENTITIES]))


def distinct_texts(path: Path) -> Iterator[str]:
    """Prepared texts of a file of JSON lines, each once."""
    seen = set()
    for text in read_texts(path):
        key = repeat_key(text)
        if key and key not in seen:
            seen.add(key)
            yield text


def read_texts(path: Path) -> Iterator[str]:
    """Prepared texts of a file of JSON lines with `text`; gzipped when its name says so."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield prepare(_text(line, f"{path}: line {number}"), max_chars=MAX_CHARS)
    except (OSError, EOFError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"{path}: cannot be read: {err}") from err


def _text(line: str, where: str) -> str:
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError) as err:
        raise ConfigurationError(f"{where}: not a JSON object with `text`: {err}") from err
    if not isinstance(text, str):
        raise ConfigurationError(f"{where}: `text` is not a text")
    return text
