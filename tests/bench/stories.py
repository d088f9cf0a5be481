"""Documents a second through the whole story step: sketched, looked up among a million texts, compared, stored.

`python -m tests.bench.stories` prints the table; `--texts` sets how many are in the index. The texts are invented, with
the lengths of `tests.bench.texts`; those in the index before have keys drawn at random, as sketching them would only
take longer to begin. Batches are of 500 documents, each in a transaction of its own on SQLite.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from zlib import crc32

import numpy as np
from prometheus_client import CollectorRegistry

from monitor.domain import Document, SourceClass
from monitor.metrics import StoryMetrics
from monitor.ports import ToldText
from monitor.settings import StoriesSettings
from monitor.store import Store
from pipelines.assign import AssignStories
from pipelines.told_texts import KEYS, to_us
from tests.bench.rates import Rate, interleave, processor, row
from tests.fixtures.stores import opened_store

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BATCH = 500
PER_ROUND = 5_000  #: Documents of one way in one round.
WORDS = (15, 15, 15, 15, 15, 15, 15, 160)  #: Of a text: mostly headlines and posts, one in eight an article.
KNOWN = 500  #: Stories that are copied.
STORED_AT_ONCE = 20_000
MIXED = "6 copies, 1 edited, 3 new"

_SYLLABLES = "ba ce di fo gu ha ki lo mu na pe qui ro su ta ve wi xo ya zu".split()  # noqa: SIM905


class Texts:
    """Invented texts, each of them once."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._words = ["".join(self._draw.choices(_SYLLABLES, k=self._draw.randint(1, 4))) for _ in range(20_000)]

    def new(self) -> str:
        """A text that nobody wrote before."""
        return " ".join(self._draw.choices(self._words, k=self._draw.choice(WORDS)))

    def edited(self, text: str) -> str:
        """`text` as another desk prints it: one word less, two more."""
        words = text.split()
        del words[self._draw.randrange(len(words))]
        return " ".join([*words, *self._draw.choices(self._words, k=2)])


def fill(store: Store, texts: int) -> None:
    """Store `texts` texts with keys drawn at random."""
    draw = np.random.default_rng(7)
    for first in range(1, texts + 1, STORED_AT_ONCE):
        keys = draw.integers(0, 2**64, (min(STORED_AT_ONCE, texts + 1 - first), KEYS), dtype=np.uint64)
        told = [
            ToldText(
                id=first + n, story_id=f"{first + n:032x}", text_key=f"{first + n:032x}", text="filler", facts="{}",
                keys=each.tobytes(), published_us=to_us(NOW),
            )
            for n, each in enumerate(keys)
        ]  # fmt: skip
        with store.assigning() as tx:
            tx.save(texts=told, assignments={}, echoes={}, at_us=to_us(NOW))


def documents(texts: Sequence[str], numbers: Iterator[int]) -> list[Document]:
    """One document a text."""
    return [
        Document(
            id=f"bench-{number}",
            source="bench",
            source_class=SourceClass.NEWS,
            published_at=NOW + timedelta(milliseconds=number),
            seen_at=NOW,
            text=text,
            entities=(f"E{crc32(text.encode()) % 88}",),
        )
        for text, number in zip(texts, numbers, strict=False)
    ]


def ways(assign: AssignStories, *, rounds: int) -> dict[str, Callable[[], int]]:
    """What may come in; the documents are made before anything is measured."""
    made, numbers, draw = Texts(seed=3), count(), random.Random(4)
    known = [made.new() for _ in range(KNOWN)]
    assign_all(assign, documents(known, numbers))
    mixture = [made.new] * 3 + [partial(draw.choice, known)] * 6 + [lambda: made.edited(draw.choice(known))]
    kinds: dict[str, list[Callable[[], str]]] = {
        "new stories": [made.new],
        "exact copies": [partial(draw.choice, known)],
        MIXED: mixture,
    }
    return {name: _way(assign, each, numbers, rounds) for name, each in kinds.items()}


def _way(
    assign: AssignStories, kinds: Sequence[Callable[[], str]], numbers: Iterator[int], rounds: int
) -> Callable[[], int]:
    batches = [documents([kinds[n % len(kinds)]() for n in range(PER_ROUND)], numbers) for _ in range(rounds)]
    return lambda: assign_all(assign, batches.pop())


def assign_all(assign: AssignStories, given: Sequence[Document]) -> int:
    """Give `given` their stories in batches; how many there were."""
    for start in range(0, len(given), BATCH):
        assign(given[start : start + BATCH], NOW)
    return len(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the story step takes."""

    rates: Mapping[str, Rate]  #: Documents a second.
    load_s: float  #: From a new process to the first batch.
    bytes_per_text: float  #: Of the index.
    texts: int


def measure_stories(
    folder: Path, *, texts: int, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> Measured:
    """All ways in turns, over one index."""
    store, registry = opened_store(f"sqlite:///{folder}/bench.db"), CollectorRegistry()
    fill(store, texts)
    settings = StoriesSettings(max_texts=texts + 4 * PER_ROUND * (rounds + 1))
    assign = AssignStories(store=store, settings=settings, metrics=StoryMetrics(registry))
    started_s = time.perf_counter()
    assign(documents(["a first one"], count(-1)), NOW)
    load_s = time.perf_counter() - started_s
    rates = interleave(ways(assign, rounds=rounds), rounds=rounds, clock=clock)
    held, size = (registry.get_sample_value(f"tapewatch_story_{name}") or 0.0 for name in ("texts", "index_bytes"))
    store.close()
    return Measured(rates=rates, load_s=load_s, bytes_per_text=size / held, texts=int(held))


def table(measured: Measured) -> Iterator[str]:
    """The table in Markdown."""
    yield f"{processor()}, one process, batches of {BATCH} on SQLite, {measured.texts:,} texts in the index"
    yield ""
    yield "| Documents | a second (lowest to highest) | of new stories |"
    yield "|---|---|---|"
    base = measured.rates["new stories"].median
    yield from (row(name, rate, f"{rate.median / base:.1f}") for name, rate in measured.rates.items())
    yield ""
    yield f"The index takes {measured.bytes_per_text:.0f} bytes a text, and is loaded in {measured.load_s:.1f} s."


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stories", description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000, help="texts in the index before (default 1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each way is measured (default 3)")
    parser.add_argument("--cpu", action="store_true", help="per CPU-second: other work on the machine disturbs it less")
    given = parser.parse_args()
    clock = time.process_time if given.cpu else time.perf_counter
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as folder:
        measured = measure_stories(Path(folder), texts=given.texts, rounds=given.rounds, clock=clock)
    sys.stdout.write("\n".join(table(measured)) + "\n")


if __name__ == "__main__":
    main()
