"""`make bench-linking`: how fast text is linked to entities, and how rightly.

Speed: CPU microseconds a headline, its relevances too, against watchlists of 1,000, 20,000 and 100,000 aliases: on
plain headlines, on such with disguised letters in every word, and on Chinese ones. Quality: on the sentfin headlines,
whose `Decisions` name the entities, with sentfin's own list as the watchlist; and on the cashtag stream, whose tweets
were found by ticker.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

from monitor.settings import WatchedEntity
from pipelines.entities import EntityLinker
from tests.bench.linking_quality import Quality, judge_sentfin, judge_stream
from tests.bench.rates import interleave, processor

SIZES = (1_000, 20_000, 100_000)
ALIASES_AN_ENTITY = 4
HEADLINES = 2_000
ROUNDS = 7
SEED = 11
SYLLABLES = (
    "bal",
    "cor",
    "dun",
    "fen",
    "gar",
    "hol",
    "jor",
    "kel",
    "lum",
    "mor",
    "nar",
    "pel",
    "quil",
    "ros",
    "sten",
    "wex",
)
HAN = "安比成达方高华金康联明宁平庆瑞三天万新远中星海州"
FORMS = (
    "{} raises full-year outlook after strong quarter",
    "Shares of {} fall 4% as demand for chips slows",
    "UPDATE 1-{} to cut 1,200 jobs in Europe: sources",
    "Why $AAPL and {} could lead the rally next week",
    "Analysts see upside for {}, lift price target to $120",
    "Regulators open a probe into data practices of tech firms",
)
DISGUISE = str.maketrans({"a": "\u0430", "e": "\u0435", "o": "\u043e"})


def main() -> None:
    """Print both tables."""
    write(f"{processor()}, Python {platform.python_version()}")
    for line in speed():
        write(line)
    shared = Path(os.environ.get("TAPEWATCH_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
    for line in quality(shared):
        write(line)


def write(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def speed() -> Iterator[str]:
    """Microseconds a headline."""
    yield "| aliases | built in | plain | disguised | Chinese | title and text of 2,000 characters |"
    yield "|---|---|---|---|---|---|"
    for size in SIZES:
        random = Random(SEED)
        entities = invent(size // ALIASES_AN_ENTITY, random)
        started_s = time.process_time()
        linker = EntityLinker(entities)
        built_s = time.process_time() - started_s
        texts = headlines(entities, random)
        ways: dict[str, Callable[[], int]] = {name: partial(_run, linker, some) for name, some in texts.items()}
        rates = interleave(ways, rounds=ROUNDS, clock=time.process_time)
        cells = " | ".join(f"{1e6 / rates[name].median:.1f}" for name in texts)
        yield f"| {size:,} | {built_s:.1f} s | {cells} |"


def invent(count: int, random: Random) -> list[WatchedEntity]:
    """Entities with a name and three aliases each, one of them Chinese."""
    entities = []
    for number in range(count):
        word = "".join(random.choices(SYLLABLES, k=3)).capitalize() + random.choice(SYLLABLES)
        chinese = "".join(random.choices(HAN, k=4))
        aliases = (f"{word} {random.choice(('Motors', 'Bank', 'Energy', 'Foods'))}", f"{word} Inc", chinese)
        entities.append(WatchedEntity(ticker=f"T{number}", name=word, aliases=aliases))
    return entities


def headlines(entities: Sequence[WatchedEntity], random: Random) -> dict[str, list[tuple[str, str]]]:
    """Titles and texts of each sort."""
    plain = [random.choice(FORMS).format(random.choice(entities).name) for _ in range(HEADLINES)]
    chinese = [f"{random.choice(entities).aliases[2]}公司发布业绩预警，股价大跌" for _ in plain]
    body = " ".join(plain)[:2000]
    return {
        "plain": [(text, "") for text in plain],
        "disguised": [(text.translate(DISGUISE), "") for text in plain],
        "Chinese": [(text, "") for text in chinese],
        "long": [(text, body) for text in plain[:200]],
    }


def _run(linker: EntityLinker, texts: Sequence[tuple[str, str]]) -> int:
    for title, text in texts:
        linker.find(title, text).relevances()
    return len(texts)


def quality(shared: Path) -> Iterator[str]:
    """Precision and recall on the development data; where they are absent, it says so."""
    if not shared.is_dir():
        yield f"quality was not measured: development data not found at {shared}; TAPEWATCH_SHARED may name the folder"
        return
    yield "| data | documents | named | found | recall | precision |"
    yield "|---|---|---|---|---|---|"
    for result in (*judge_sentfin(shared / "sentiment"), *judge_stream(shared / "stream")):
        yield _row(result)
        yield from (f"  - {note}" for note in result.notes)


def _row(result: Quality) -> str:
    return (
        f"| {result.data} | {result.documents:,} | {result.named:,} | {result.found:,} "
        f"| {result.recall:.4f} | {result.precision:.4f} |"
    )


if __name__ == "__main__":
    main()
