"""Corrected labels as training rows: what people put right comes out as the tables that `tapewatch train` reads.

One file a question, since a table says by its columns what it teaches: `entities.csv` (the sentiment towards an entity,
named as the text names it), `sentiments.csv` (of a text as a whole), `topics.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from monitor.app.store import open_app_store
from monitor.domain import ALL, Correction, Mention
from monitor.errors import MonitorError
from monitor.settings import Settings
from monitor.spreadsheet import as_cells

Mentions = Callable[[str, Iterable[str]], tuple[Mention, ...]]
"""For each of the tickers, the words by which a text names it."""

Row = Mapping[str, str]
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "entities.csv": ("text", "label", "entity"),
    "sentiments.csv": ("text", "label"),
    "topics.csv": ("text", "label"),
}


def export_corrections(settings: Settings, folder: Path) -> tuple[dict[Path, int], int]:
    """Write every corrected label into `folder`; returns rows by file, and how many were left out."""
    from pipelines.entities import EntityLinker

    linker = EntityLinker.from_settings(settings.watchlist)
    with closing(open_app_store(settings)) as store:
        corrections = store.corrections()
    rows = training_rows(corrections, mentions=linker.mentions)
    towards = sum(each.entity != ALL and each.sentiment is not None for each in corrections)
    return write_rows(rows, folder), towards - len(rows["entities.csv"])


def training_rows(corrections: Sequence[Correction], *, mentions: Mentions) -> dict[str, list[Row]]:
    """The rows of each file; a correction on an entity that its text does not name teaches nothing and is left out."""
    return {
        "entities.csv": list(_towards(corrections, mentions)),
        "sentiments.csv": [
            {"text": each.text, "label": each.sentiment.value}
            for each in corrections
            if each.entity == ALL and each.sentiment is not None
        ],
        "topics.csv": [{"text": each.text, "label": each.topic} for each in corrections if each.topic is not None],
    }


def write_rows(rows: Mapping[str, Sequence[Row]], folder: Path) -> dict[Path, int]:
    """Write each file that has rows into `folder`; returns how many, by path."""
    written: dict[Path, int] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, some in rows.items():
            if some:
                _write(folder / name, COLUMNS[name], some)
                written[folder / name] = len(some)
    except OSError as err:
        raise MonitorError(f"{folder}: cannot write: {err.strerror or err}; name another folder with --out") from err
    return written


def _towards(corrections: Sequence[Correction], mentions: Mentions) -> Iterator[Row]:
    for each in corrections:
        if each.entity != ALL and each.sentiment is not None:
            surfaces = [surface for mention in mentions(each.text, [each.entity]) for surface in mention.surfaces]
            written = next((surface for surface in surfaces if surface in each.text), None)
            if written is not None:
                yield {"text": each.text, "label": each.sentiment.value, "entity": written}


def _write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(as_cells(row) for row in rows)
