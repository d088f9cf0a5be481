"""Texts that stories are found by, what became of each document, and when each story was told of whom.

One transaction assigns at a time, over all workers: SQLite lets one write anyway, on PostgreSQL a lock sees to it. So
ids, given by the one that assigns, become visible in their order, and the next reads all that those before have added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Select, func, select, text

from monitor.ports import Assignment, Echoes, TextKeys, ToldText
from monitor.store.bulk import add_rows, any_number_of, any_of, replace_rows
from monitor.store.part import Part
from monitor.store.schema import story_documents, story_echoes, story_texts
from monitor.store.values import from_json, storable, to_json

_LOCK = 7_411_683_021_957_002  #: Number of the advisory lock; any, as long as all of us use the same.


class StoryTexts(Part):
    """What the story step reads and writes."""

    def story_keys(self, *, after: int, added_after_us: int, limit: int) -> Sequence[TextKeys]:
        """Texts with a higher id than `after` that were added since, by id, at most `limit` of them."""
        with self._database.read() as tx:
            return _keys(tx, _keys_after(after, added_after_us).limit(limit))

    @contextmanager
    def assigning(self) -> Iterator[Assigning]:
        """One transaction: all of it at the end of the block, or nothing when the block raises."""
        with self._database.write() as tx:
            lock_assigning(tx)
            yield Assigning(tx)


def lock_assigning(tx: Connection) -> None:
    """Let nobody else assign stories before the end of this transaction."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


class Assigning:
    """A `monitor.ports.StoryTransaction` over one connection."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    def newest_text(self) -> int:
        """The highest id of a stored text; 0 when there is none."""
        return self._tx.execute(select(func.max(story_texts.c.id))).scalar() or 0

    def keys_after(self, id: int, *, added_after_us: int) -> Sequence[TextKeys]:  # noqa: A002 -- as in the port
        """Texts with a higher id that were added since, by id."""
        return _keys(self._tx, _keys_after(id, added_after_us))

    def assigned(self, document_ids: Sequence[str]) -> Mapping[str, Assignment]:
        """What those documents got that were here before."""
        column = story_documents.c.document_id
        query = select(column, story_documents.c.payload)
        rows = self._tx.execute(query.where(column.in_(any_of(self._tx, [storable(i) for i in document_ids]))))
        held = {row.document_id: row.payload for row in rows}
        return {i: from_json(held[storable(i)], Assignment) for i in document_ids if storable(i) in held}

    def texts(self, ids: Sequence[int]) -> Mapping[int, ToldText]:
        """Stored texts by id; those that are gone by now are left out."""
        if not ids:
            return {}
        rows = self._tx.execute(select(story_texts).where(story_texts.c.id.in_(any_number_of(self._tx, ids))))
        return {
            row.id: ToldText(
                id=row.id,
                story_id=row.story_id,
                text_key=row.text_key,
                text=row.text,
                facts=row.facts,
                keys=row.bands,
                published_us=row.published_at,
            )
            for row in rows
        }

    def echoes(self, story_ids: Sequence[str]) -> Mapping[str, Echoes]:
        """What is remembered of each story; stories of which nothing is are left out."""
        if not story_ids:
            return {}
        column = story_echoes.c.story_id
        query = select(column, story_echoes.c.payload).where(column.in_(any_of(self._tx, story_ids)))
        return {row.story_id: from_json(row.payload, dict[str, list[int]]) for row in self._tx.execute(query)}

    def save(
        self,
        *,
        texts: Sequence[ToldText],
        assignments: Mapping[str, Assignment],
        echoes: Mapping[str, Echoes],
        at_us: int,
    ) -> None:
        """Add texts, with the ids that the caller gave them, and assignments by document; replace echoes by story."""
        add_rows(self._tx, story_texts, [_text_row(told, at_us) for told in texts])
        documents = [(storable(i), to_json(assignments[i])) for i in assignments]
        add_rows(
            self._tx,
            story_documents,
            [{"document_id": i, "payload": payload, "added_at": at_us} for i, payload in sorted(documents)],
        )
        rows = [{"story_id": i, "payload": to_json(echoes[i]), "updated_at": at_us} for i in sorted(echoes)]
        replace_rows(self._tx, story_echoes, rows)


def _keys_after(id_: int, added_after_us: int) -> Select[tuple[int, bytes, int, int]]:
    columns = story_texts.c
    query = select(columns.id, columns.bands, columns.published_at, columns.added_at)
    return query.where(columns.id > id_, columns.added_at >= added_after_us).order_by(columns.id)


def _keys(tx: Connection, query: Select[tuple[int, bytes, int, int]]) -> list[TextKeys]:
    return [TextKeys._make(row) for row in tx.execute(query)]


def _text_row(told: ToldText, at_us: int) -> dict[str, object]:
    return {
        "id": told.id,
        "story_id": told.story_id,
        "text_key": told.text_key,
        "text": storable(told.text),
        "facts": storable(told.facts),
        "bands": told.keys,
        "published_at": told.published_us,
        "added_at": at_us,
    }
