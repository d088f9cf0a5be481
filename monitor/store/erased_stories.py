"""What becomes of stories when documents of them are erased.

The words by which a story is found go with the document that they were taken from; a story that nobody else tells goes
whole. Runs inside the transaction that erases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, insert, select, update

from monitor.ports import Assignment
from monitor.store.bulk import any_number_of, any_of
from monitor.store.schema import evidence, stories, story_documents, story_echoes, story_texts
from monitor.store.story_texts import lock_assigning
from monitor.store.values import from_json, to_micros


def erase_stories(tx: Connection, ids: Sequence[str], now: datetime) -> Counter[str]:
    """Erase what stories hold of the documents `ids`, which still have their evidence; returns rows by table."""
    lock_assigning(tx)
    assigned = tx.execute(
        select(story_documents.c.payload).where(story_documents.c.document_id.in_(any_of(tx, ids)))
    ).scalars()
    given = [from_json(payload, Assignment) for payload in assigned]
    lost = _erased_by_story(tx, ids) | Counter(dict.fromkeys({each.story_id for each in given}, 0))
    gone = [story for story in sorted(lost) if _survivor(tx, story, ids) is None]
    counts: Counter[str] = Counter()
    counts["story_texts"] = _erase_texts(tx, gone, {(each.story_id, each.text_key) for each in given}, now)
    for table in (story_echoes, stories):
        counts[table.name] = tx.execute(delete(table).where(table.c.story_id.in_(any_of(tx, gone)))).rowcount
    for story in lost.keys() - set(gone):
        _hand_over(tx, story, ids, lost[story])
    return counts


def _erased_by_story(tx: Connection, ids: Sequence[str]) -> Counter[str]:
    """How many counted documents each story loses."""
    query = select(evidence.c.story_id, func.count()).where(evidence.c.document_id.in_(any_of(tx, ids)))
    return Counter({row[0]: row[1] for row in tx.execute(query.group_by(evidence.c.story_id))})


def _survivor(tx: Connection, story: str, ids: Sequence[str]) -> str | None:
    """The earliest document of `story` that stays."""
    query = select(evidence.c.document_id).where(
        evidence.c.story_id == story, evidence.c.document_id.not_in(any_of(tx, ids))
    )
    return tx.execute(query.order_by(evidence.c.published_at, evidence.c.document_id).limit(1)).scalar()


def _hand_over(tx: Connection, story: str, ids: Sequence[str], lost: int) -> None:
    """The story is told by others: its reach falls, and where its first document is gone, the next stands for it."""
    reach = case((stories.c.reach > lost, stories.c.reach - lost), else_=1)
    row = stories.c.story_id == story
    tx.execute(update(stories).where(row).values(reach=reach))
    named = stories.c.document_id.in_(any_of(tx, ids))
    tx.execute(update(stories).where(row, named).values(document_id=_survivor(tx, story, ids)))


def _erase_texts(tx: Connection, gone: Sequence[str], keys: set[tuple[str, str]], now: datetime) -> int:
    """Erase the texts of the stories `gone`, and those that read like an erased document."""
    query = select(story_texts.c.id, story_texts.c.story_id, story_texts.c.text_key).where(
        story_texts.c.story_id.in_(any_of(tx, sorted({*gone, *(story for story, _ in keys)})))
    )
    whole = set(gone)
    found = [row.id for row in tx.execute(query) if row.story_id in whole or (row.story_id, row.text_key) in keys]
    if not found:
        return 0
    if max(found) == tx.execute(select(func.max(story_texts.c.id))).scalar():
        _keep_count(tx, max(found) + 1, now)
    return tx.execute(delete(story_texts).where(story_texts.c.id.in_(any_number_of(tx, found)))).rowcount


def _keep_count(tx: Connection, id_: int, now: datetime) -> None:
    """Put an empty text behind the newest: an id that was erased must not be given again."""
    empty = {"story_id": "", "text_key": "", "text": "", "facts": "", "bands": b""}
    tx.execute(insert(story_texts).values(id=id_, published_at=0, added_at=to_micros(now), **empty))
