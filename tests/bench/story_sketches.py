"""Sketches of stories a second, beside the exact hash alone and datasketch's MinHashLSH, in turns; and their recall.

Both get normalised texts, make keys of words and pairs of words, look up what shares one, and add: with as many
permutations and bands, and datasketch with more of them too, by which it comes near the same recall.
`python -m tests.bench.story_sketches` prints the table. datasketch is no dependency: where it is not installed (or put
on PYTHONPATH), its rows are left out, and the table says so.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import combinations, pairwise

from pipelines.bands import bands_of
from pipelines.minhash import BANDS, ROWS
from pipelines.stories import HEADLINE_WORDS, Likeness, Sketch, compare, normalise, sketches, story_id
from tests.bench.rates import Rate, interleave, row
from tests.fixtures.copied_news import Labelled, labelled
from tests.fixtures.invented_news import HELD_OUT, TUNED
from tests.fixtures.story_pairs import candidates

BATCH = 500
OURS = "keys and candidates of normalised texts"
THEIRS = ((BANDS, ROWS), (32, 2), (64, 2))  #: Bands and rows: the same as here, then more for as much recall.
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured; rates are a CPU-second's."""

    rates: dict[str, Rate]
    recall: dict[str, float]  #: Share of the pairs of one story that become candidates.


def measure_sketches(*, stories: int = 860, copies: int = 6, rounds: int = 5) -> Measured:
    """All ways in one interleaved run over the same invented texts, copies among them."""
    rows = labelled([*TUNED, *HELD_OUT], stories=stories, copies=copies, seed=17)
    texts = [each.text.content for each in rows]
    found = _sketched(rows)
    words = [normalise(text) for text in texts]
    pairs = [pair for pair in candidates(found) if found[pair[0]].digest != found[pair[1]].digest][: len(rows)]
    ways: dict[str, Callable[[], int]] = {
        "exact hash alone": lambda: len([story_id(text) for text in texts]),
        "sketches": lambda: len(_sketched(rows)),
        "comparisons of two differing candidates": lambda: _compared(found, pairs),
    }
    indexes: dict[str, Callable[[], set[Pair]]] = {OURS: lambda: _ours(words)}
    if find_spec("datasketch"):
        indexes |= {f"datasketch, {b} bands of {r}": partial(_theirs, words, bands=b, rows=r) for b, r in THEIRS}
    recall = {name: _recall(rows, find()) for name, find in indexes.items()}
    ways |= {name: partial(_counted, find, len(rows)) for name, find in indexes.items()}
    return Measured(rates=interleave(ways, rounds=rounds, clock=time.process_time), recall=recall)


def _sketched(rows: Sequence[Labelled]) -> list[Sketch]:
    return [each for at in range(0, len(rows), BATCH) for each in sketches([row.text for row in rows[at : at + BATCH]])]


def _compared(found: Sequence[Sketch], pairs: Sequence[Pair]) -> int:
    sum(compare(found[a], found[b]) is Likeness.DIFFERENT for a, b in pairs)
    return len(pairs)


def _counted(find: Callable[[], object], count: int) -> int:
    find()
    return count


def _ours(words: Sequence[str]) -> set[Pair]:
    """Look up what shares a key, then add: as datasketch does, in dictionaries of this process."""
    buckets: dict[int, list[int]] = defaultdict(list)
    pairs: set[Pair] = set()
    for start in range(0, len(words), BATCH):
        batch = words[start : start + BATCH]
        digests = [hashlib.blake2b(each.encode(), digest_size=16).digest() for each in batch]
        headlines = [each if each.count(" ") + 1 in HEADLINE_WORDS else "" for each in batch]
        for at, keys in enumerate(bands_of(batch, digests, headlines).tolist(), start):
            for key in keys:
                members = buckets[key]
                pairs.update((other, at) for other in members)
                members.append(at)
    return pairs


def _theirs(words: Sequence[str], *, bands: int, rows: int) -> set[Pair]:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    pairs: set[Pair] = set()
    for start in range(0, len(words), BATCH):
        batch = [_features(each) for each in words[start : start + BATCH]]
        for at, signature in enumerate(MinHash.bulk(batch, num_perm=bands * rows), start):
            pairs.update((other, at) for other in index.query(signature))
            index.insert(at, signature)
    return pairs


def _features(words: str) -> list[bytes]:
    each = words.encode().split()
    return [*each, *(b" ".join(pair) for pair in pairwise(each))]


def _recall(rows: Sequence[Labelled], found: set[Pair]) -> float:
    members: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(rows):
        members[each.story].append(at)
    true = {pair for one in members.values() for pair in combinations(one, 2)}
    return len(true & found) / len(true)


def table(measured: Measured) -> Iterator[str]:
    """The table in Markdown; rates are a CPU-second's."""
    ours = measured.rates[OURS].median
    yield "| stories | a CPU-second | |"
    yield "|---|---|---|"
    for name, rate in measured.rates.items():
        notes = [f"recall {measured.recall[name]:.3f}"] if name in measured.recall else []
        if name.startswith("datasketch"):
            notes.append(f"ours is {ours / rate.median:.1f} times that")
        yield row(name, rate, ", ".join(notes))
    if not any(name.startswith("datasketch") for name in measured.rates):
        yield ""
        yield "datasketch is not installed: nothing to compare with."


if __name__ == "__main__":
    write = partial(print, file=sys.stdout)
    for line in table(measure_sketches()):
        write(line)
