"""Remember stored texts in one process: an index of all of them, and the latest that were compared, whole.

The index holds what the database held when it was last asked. Nothing enters it before it is stored, so a transaction
that fails leaves nothing behind here; a new process loads it from the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import numpy as np

from monitor.domain import EPOCH
from monitor.ports import StoryStore, StoryTransaction, TextKeys, ToldText
from monitor.settings import StoriesSettings
from pipelines.latest import Latest
from pipelines.minhash import Keys
from pipelines.stories import BANDS, Facts, Sketch
from pipelines.story_index import Ids, StoryIndex

KEYS = BANDS + 1  #: Of a text: its bands, and its digest, which finds exact copies of a template's texts as well.
LOADED_AT_ONCE = 100_000
COMPARED = 5_000  #: Texts that are kept whole.

_MICROSECOND = timedelta(microseconds=1)
_facts = msgspec.json.Decoder(Facts)


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (at - EPOCH) // _MICROSECOND


def keys_of(sketches: Sequence[Sketch]) -> Keys:
    """What texts are found by, one row of `KEYS` a text."""
    keys = np.empty((len(sketches), KEYS), np.uint64)
    keys[:, BANDS] = np.frombuffer(b"".join(sketch.digest[:8] for sketch in sketches), np.uint64)
    for row, sketch in zip(keys, sketches, strict=True):
        row[:BANDS] = sketch.bands
    return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A stored text, ready to be compared."""

    told: ToldText
    sketch: Sketch


def telling(told: ToldText) -> Telling:
    """Make the sketch again from what is stored."""
    sketch = Sketch(
        text=told.text,
        digest=bytes.fromhex(told.text_key),
        bands=np.frombuffer(told.keys, np.uint64)[:BANDS],
        facts=_facts.decode(told.facts),
    )
    return Telling(told=told, sketch=sketch)


class ToldTexts:
    """What one process knows of the stored texts; for one thread."""

    def __init__(self, settings: StoriesSettings) -> None:
        self._keep_us = settings.keep // _MICROSECOND
        self._index = StoryIndex(
            keys_per_text=KEYS, max_texts=settings.max_texts, window_us=settings.window // _MICROSECOND
        )
        self._loaded = False
        self._read_to = 0  # the highest id seen
        self._compared = Latest[int, Telling](COMPARED)

    def __len__(self) -> int:
        """Texts in the index."""
        return len(self._index)

    @property
    def memory_bytes(self) -> int:
        """Size of the index."""
        return self._index.memory_bytes

    def load(self, store: StoryStore, now_us: int) -> None:
        """Take in what was stored before this process began, without holding up anybody."""
        while not self._loaded:
            rows = store.story_keys(after=self._read_to, added_after_us=now_us - self._keep_us, limit=LOADED_AT_ONCE)
            self._take(rows)
            self._loaded = len(rows) < LOADED_AT_ONCE

    def catch_up(self, tx: StoryTransaction, now_us: int) -> None:
        """Take in what others have added."""
        self._index.forget(added_before_us=now_us - self._keep_us)
        self._take(tx.keys_after(self._read_to, added_after_us=now_us - self._keep_us))

    def find(self, keys: Keys, published_us: Ids) -> Ids:
        """As `StoryIndex.find`."""
        return self._index.find(keys, published_us)

    def tellings(self, tx: StoryTransaction, ids: Iterable[int]) -> dict[int, Telling]:
        """Texts by id, for comparing; those that are deleted by now are left out."""
        wanted = set(ids)
        held = self._compared.use(wanted)
        fresh = {id_: telling(told) for id_, told in tx.texts(sorted(wanted - held.keys())).items()}
        self._compared.keep(fresh)
        return held | fresh

    def add(self, added: Sequence[Telling], at_us: int) -> None:
        """Take in what this process has stored by now."""
        self._take([TextKeys(each.told.id, each.told.keys, each.told.published_us, at_us) for each in added])
        self._compared.keep({each.told.id: each for each in added})

    def _take(self, rows: Sequence[TextKeys]) -> None:
        if not rows:
            return
        self._read_to = rows[-1].id
        # Keys that another version has stored, more of them or fewer, cannot be compared.
        rows = [row for row in rows if len(row.keys) == KEYS * np.dtype(np.uint64).itemsize]
        keys = np.frombuffer(b"".join(row.keys for row in rows), np.uint64).reshape(-1, KEYS)
        ids, published_us, added_us = (
            np.fromiter((row[at] for row in rows), np.int64, len(rows)) for at in (0, 2, 3)
        )  # by position: a million names cost a second
        self._index.add(ids, keys, published_us=published_us, added_us=added_us)
