"""Ids of documents that were erased, as digests: what a source still lists must not come back.

A digest stands where the id stood, for as long as ids are remembered. One row more says that there are any at all, so
that whoever never erased anything pays for one look.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import blake2b

from sqlalchemy import Column, Connection

from monitor.store.bulk import find_keys

ANY = "erased:"  #: Stands among the ids where at least one was erased.
DIGEST_BYTES = 16


def erased_key(id_: str) -> str:
    """What stands where `id_` stood."""
    return ANY + blake2b(id_.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()


def erased_among(tx: Connection, key: Column[str], ids: Collection[str]) -> dict[str, str]:
    """Those of `ids` that were erased, with what stands for them in `key`."""
    if not ids or not find_keys(tx, key, [ANY]):
        return {}
    keys = {erased_key(id_): id_ for id_ in ids}
    return {keys[found]: found for found in find_keys(tx, key, list(keys))}


def remembered(ids: Sequence[str], erased: dict[str, str]) -> list[str]:
    """`ids` as they are to be remembered, sorted, each once."""
    marks = {erased.get(id_, id_) for id_ in ids}
    return sorted(marks | {ANY} if erased else marks)
