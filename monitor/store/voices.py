"""What each voice has told in each slot: what the caps are held against.

One row is one author, domain or source, one entity and one span of event time. Rows are taken before anything is
decided, with the most that could be told, which locks them in the order of their keys; what was not told is given back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    select,
)

from monitor.store.bulk import Row, add_rows
from monitor.store.schema import voices
from monitor.store.tellings import Slot
from monitor.store.values import to_json, to_micros

_Key = tuple[str, str, int]


def take_slots(tx: Connection, wanted: Mapping[Slot, int]) -> dict[Slot, int]:
    """Add `wanted` to what the slots hold; returns what they held before."""
    if not wanted:
        return {}
    add_rows(tx, voices, _rows(wanted), sums=("stories",))
    keys = {_key(slot): slot for slot in wanted}
    held = {keys[row.voice, row.entity, row.slot_at]: row.stories for row in tx.execute(_held(tx, sorted(keys)))}
    return {slot: held[slot] - taken for slot, taken in wanted.items()}


def settle_slots(tx: Connection, wanted: Counter[Slot], used: Counter[Slot]) -> None:
    """Give back what was taken and not used."""
    unused = {slot: used[slot] - taken for slot, taken in wanted.items() if used[slot] != taken}
    add_rows(tx, voices, _rows(unused), sums=("stories",))


def _rows(stories: Mapping[Slot, int]) -> list[Row]:
    keyed = sorted((_key(slot), count) for slot, count in stories.items())
    return [{"voice": v, "entity": e, "slot_at": at, "stories": count} for (v, e, at), count in keyed]


def _key(slot: Slot) -> _Key:
    return slot.voice, slot.entity, to_micros(slot.slot_at)


def _held(tx: Connection, keys: Sequence[_Key]) -> Select[tuple[str, str, int, int]]:
    given, matches = _given(tx, keys)
    columns = voices.c
    return select(columns.voice, columns.entity, columns.slot_at, columns.stories).join_from(given, voices, matches)


def _given(tx: Connection, keys: Sequence[_Key]) -> tuple[FromClause, ColumnElement[bool]]:
    """`keys` as a table, and the condition that a row of `voices` has one of them."""
    if tx.dialect.name == "postgresql":
        columns = dict(zip(("voice", "entity", "slot_at"), zip(*keys, strict=True), strict=True))
        arrays = [bindparam(f"{n}s", list(held), type_=ARRAY(voices.c[n].type)) for n, held in columns.items()]
        unnested = func.unnest(*arrays).table_valued(*columns).render_derived()
        return unnested, and_(*(voices.c[name] == unnested.c[name] for name in columns))
    table = func.json_each(to_json(keys)).table_valued("value")
    parts = [func.json_extract(table.c.value, f"$[{index}]") for index in range(3)]
    return table, and_(*(column == part for column, part in zip(voices.primary_key, parts, strict=True)))
