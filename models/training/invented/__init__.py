"""Rows that tapewatch's authors invented: what public sets lack (opposed entities, sober bad news, Chinese, chatter).

In: the CSV files beside this one, named by language. Out: examples, checked like any other training file. Rows of
`<language>_dev.csv` were written apart from the others and never train: they are development rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from models.text import prepare
from models.training.rows import MAX_CHARS, NO_LABEL, WORD_SENTIMENTS, Example
from monitor.errors import ConfigurationError

FOLDER = Path(__file__).resolve().parent
DEV = "_dev"  #: Ends the source of rows that never train.


def read_invented(topics: Sequence[str], *, languages: Sequence[str], folder: Path = FOLDER) -> Iterator[Example]:
    """The invented rows of `languages`; a topic that is not among `topics` is no label."""
    for path in sorted(folder.glob("*.csv")):
        language, _, part = path.stem.partition("_")
        if language in languages:
            yield from _read(path, topics, is_dev=part == "dev")


def _read(path: Path, topics: Sequence[str], *, is_dev: bool) -> Iterator[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                yield _example(row, topics, is_dev=is_dev)
            except (KeyError, ValueError) as err:
                raise ConfigurationError(f"{path}: row {number}: {err}") from err


def _example(row: Mapping[str, str], topics: Sequence[str], *, is_dev: bool) -> Example:
    finance = int(row["finance"])
    kind = "invented" if finance else "chatter"
    return Example(
        text=prepare(row["text"], max_chars=MAX_CHARS),
        source=f"{kind}_{row['lang']}{DEV if is_dev else ''}",
        lang=row["lang"],
        topic=topics.index(row["topic"]) if row["topic"] in topics else NO_LABEL,
        sentiment=WORD_SENTIMENTS[row["sentiment"]] if finance else NO_LABEL,
        finance=finance,
        entities=tuple(_entities(row["entities"])),
    )


def _entities(written: str) -> Iterator[tuple[str, int]]:
    for pair in filter(None, (part.strip() for part in written.split(";"))):
        name, _, word = pair.rpartition("=")
        yield name.strip(), WORD_SENTIMENTS[word.strip()]
