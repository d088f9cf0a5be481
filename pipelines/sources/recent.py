"""Memory of what was taken from a list that is read again and again: bounded, and safe to lose nothing by.

It holds a fingerprint and the instant of each thing taken since `floor`; everything up to the floor counts as known.
So a list may bring things in any order and late, up to the age that its reader looks back; only where there are more
things than can be remembered does the floor rise over the oldest of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

MAX_REMEMBERED = 2000
AHEAD = timedelta(minutes=10)  #: A thing dated further ahead waits: taken, it would hide all that come before it.

_FINGERPRINT_BYTES = 8


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """The memory as it is stored."""

    floor: float
    taken: dict[str, float]
    tries: dict[str, int] = {}


class Recent:
    """What was taken lately. Instants are kept to the second."""

    def __init__(
        self, *, floor: datetime, taken: Mapping[str, float] | None = None, tries: Mapping[str, int] | None = None
    ) -> None:
        self._floor_s = floor.timestamp()
        self._taken = {key: at_s for key, at_s in (taken or {}).items() if at_s > self._floor_s}
        self._tries = dict(tries or {})

    @classmethod
    def read(cls, written: str | None, *, oldest: datetime) -> Recent:
        """The memory as `write` wrote it; what is older than `oldest` is let go, and never taken again."""
        try:
            found = msgspec.json.decode(written, type=_Written) if written else _Written(floor=0, taken={})
            floor = max(oldest, datetime.fromtimestamp(found.floor, UTC))
        except (msgspec.DecodeError, ValueError, OverflowError, OSError):
            return cls(floor=oldest)  # of another version: what is taken again is dropped by its id
        return cls(floor=floor, taken=found.taken, tries=found.tries)

    @property
    def newest(self) -> datetime | None:
        """The latest instant of a thing taken."""
        return datetime.fromtimestamp(max(self._taken.values()), UTC) if self._taken else None

    @property
    def floor(self) -> datetime:
        """Everything up to here is known."""
        return datetime.fromtimestamp(self._floor_s, UTC)

    def is_new(self, key: str, at: datetime) -> bool:
        """True for a thing that was not taken and is not older than can be remembered."""
        return _second(at) > self._floor_s and _fingerprint(key) not in self._taken

    def take(self, key: str, at: datetime) -> None:
        """Remember that it was taken."""
        name = _fingerprint(key)
        self._tries.pop(name, None)
        self._taken[name] = _second(at)
        if len(self._taken) > MAX_REMEMBERED:
            self._raise_floor(min(self._taken.values()))

    def forget_before(self, at: datetime) -> None:
        """Count everything up to `at` as known."""
        self._raise_floor(_second(at))

    def failed(self, key: str) -> int:
        """Remember that it could not be taken; gives how often by now."""
        name = _fingerprint(key)
        self._tries[name] = self._tries.get(name, 0) + 1
        if len(self._tries) > MAX_REMEMBERED:
            self._tries.pop(next(iter(self._tries)))
        return self._tries[name]

    def write(self) -> str:
        """The memory as text, for the source's cursor."""
        return msgspec.json.encode(_Written(floor=self._floor_s, taken=self._taken, tries=self._tries)).decode()

    def _raise_floor(self, to_s: float) -> None:
        self._floor_s = max(self._floor_s, to_s)
        self._taken = {one: at_s for one, at_s in self._taken.items() if at_s > self._floor_s}


def _fingerprint(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=_FINGERPRINT_BYTES).hexdigest()


def _second(at: datetime) -> float:
    return float(int(at.timestamp()))
