"""Take erased documents out of the evidence that alerts, their history and notifications carry along."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Set
from typing import Any

from sqlalchemy import Column, Connection, Table, select, update

from monitor.store.schema import alerts, outbox, transitions
from monitor.store.values import storable

AT_ONCE = 500


def scrub(tx: Connection, ids: Set[str]) -> Counter[str]:
    """Leave the documents `ids` out wherever evidence is stored; returns rows changed by table."""
    counts: Counter[str] = Counter()
    for table in (alerts, transitions, outbox):
        counts[table.name] = sum(_scrub_row(tx, table, key, payload, ids) for key, payload in _payloads(tx, table))
    return counts


def _payloads(tx: Connection, table: Table) -> Iterator[tuple[Any, str]]:
    """Key and payload of every row, a piece at a time; the rows may be changed meanwhile."""
    key: Column[Any] = next(iter(table.primary_key))
    last = None
    while True:
        query = select(key, table.c.payload).order_by(key).limit(AT_ONCE)
        rows = tx.execute(query if last is None else query.where(key > last)).all()
        yield from ((row[0], row[1]) for row in rows)
        if len(rows) < AT_ONCE:
            return
        last = rows[-1][0]


def _scrub_row(tx: Connection, table: Table, key: object, payload: str, ids: Set[str]) -> int:
    if '"documents":[{' not in payload:
        return 0
    held = json.loads(payload)
    changed = [_leave_out(evidence, ids) for evidence in _evidence(held)]
    if not any(changed):
        return 0
    column: Column[Any] = next(iter(table.primary_key))
    written = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    tx.execute(update(table).where(column == key).values(payload=written))
    return 1


def _evidence(held: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Of an alert or a transition, or of every alert of a notification."""
    for holder in held.get("alerts", [held]):
        if holder.get("evidence"):
            yield holder["evidence"]


def _leave_out(evidence: dict[str, Any], ids: Set[str]) -> bool:
    """Whether there was one to leave out."""
    documents = evidence.get("documents", [])
    kept = [document for document in documents if storable(document.get("id", "")) not in ids]
    evidence["documents"] = kept
    return len(kept) < len(documents)
