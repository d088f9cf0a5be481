"""Labels kept in a file, so that no text is read twice by one model: keys in, predictions out.

One SQLite file in a folder that may be deleted at any time; several processes may use it at once. A prediction is kept
as the model gave it, unrounded. A file that cannot be used is a `ConfigurationError` that says what to do; one that
others hold for too long is a `TransientError`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import msgspec

from monitor.domain import Mention, Prediction
from monitor.errors import ConfigurationError, TransientError
from monitor.wal import is_passing, switch_to_wal

FILE = "labels-1.db"  #: The number changes with the layout.
BUSY_TIMEOUT_S = 30.0
AT_ONCE = 500  #: Keys in one question; older SQLite takes 999.
_SCHEMA = "CREATE TABLE IF NOT EXISTS labels (key BLOB PRIMARY KEY, label BLOB NOT NULL) WITHOUT ROWID"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Prediction).decode


def label_key(version: str, text: str, mentions: Sequence[Mention]) -> bytes:
    """16 bytes that stand for one question to one model; a mention counts with the words that name it."""
    asked = [(mention.entity, mention.surfaces) for mention in mentions]
    return blake2b(_encode((version, text, asked)), digest_size=16).digest()


class LabelStore:
    """The file of one folder; for one thread."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        with self._translated():
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            switch_to_wal(self._connection, within_s=BUSY_TIMEOUT_S)
            # What a loss of power takes is only read again.
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute(_SCHEMA)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Prediction]:
        """What is known of `keys`."""
        found: dict[bytes, Prediction] = {}
        with self._translated():
            for start in range(0, len(keys), AT_ONCE):
                part = keys[start : start + AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = self._connection.execute(
                    f"SELECT key, label FROM labels WHERE key IN ({marks})",  # noqa: S608 - question marks only
                    part,
                )
                found.update((key, _decode(label)) for key, label in rows)
        return found

    def keep(self, labels: Mapping[bytes, Prediction]) -> None:
        """Remember `labels`, all or nothing."""
        rows = sorted((key, _encode(label)) for key, label in labels.items())
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO labels (key, label) VALUES (?, ?)", rows)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, msgspec.ValidationError, msgspec.DecodeError) as err:
            if isinstance(err, sqlite3.Error) and is_passing(err):
                raise TransientError(f"label cache {self.path} is locked by another process ({err})") from err
            raise ConfigurationError(f"label cache {self.path}: {err}; delete it, or name another folder") from err
