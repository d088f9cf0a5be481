"""Stories and counted documents: what was counted before, and in which series each story was told.

Each function runs inside the transaction that counts, and takes row locks in the order of the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, bindparam, select, update

from monitor.domain import Document, Label
from monitor.store.bulk import add_new, add_rows, any_of
from monitor.store.schema import counted_documents, stories
from monitor.store.suppressed import erased_among
from monitor.store.tellings import Speech, StoryState, load_state
from monitor.store.values import storable, to_micros


def keep_uncounted(tx: Connection, labels: Sequence[Label], *, now: datetime) -> list[Label]:
    """Those of `labels` whose document was not counted before, each id once; they count as counted from here on."""
    first: dict[str, Label] = {}
    for label in labels:
        first.setdefault(storable(label.document.id), label)
    for erased in erased_among(tx, counted_documents.c.id, first.keys()):
        del first[erased]
    counted_at = to_micros(now)
    fresh = add_new(tx, counted_documents, [{"id": i, "counted_at": counted_at} for i in sorted(first)])
    return [label for key, label in first.items() if key in fresh]


class OpenStories:
    """The stories of a batch, their rows locked: where each was told before the batch."""

    def __init__(self, tx: Connection, labels: Sequence[Label], spoken: Sequence[Speech], *, now: datetime) -> None:
        """Add `labels`, of which `spoken` has one each, to their stories.

        A new story is stored as if no cap held anything back, which is so for almost all of them.
        """
        self._tx = tx
        groups: dict[str, list[Document]] = {}
        uncapped: dict[str, StoryState] = {}
        for label, speech in zip(labels, spoken, strict=True):
            groups.setdefault(speech.story_id, []).append(label.document)
            uncapped.setdefault(speech.story_id, StoryState()).tell(speech)
        rows = [_row(key, groups[key], uncapped[key], now) for key in sorted(groups)]
        add_rows(
            tx,
            stories,
            rows,
            sums=("reach",),
            lowest=("first_published_at",),
            highest=("last_published_at", "counted_at"),
        )
        self._stored = {row.story_id: row for row in tx.execute(_held(tx, sorted(groups)))}
        # An upsert leaves `document_id` alone, so a story is new when it names our document.
        ours = {key: storable(group[0].id) for key, group in groups.items()}
        self.states: Mapping[str, StoryState] = {
            key: StoryState() if row.document_id == ours[key] else load_state(row.told)
            for key, row in self._stored.items()
        }

    def save(self) -> None:
        """Store what has become of `states`; most rows are right already."""
        now = {key: state.dump() for key, state in self.states.items() if not state.everywhere}
        changed = [{"key": key, "value": now[key]} for key in sorted(now) if now[key] != self._stored[key].told]
        if changed:
            told = update(stories).where(stories.c.story_id == bindparam("key")).values(told=bindparam("value"))
            self._tx.execute(told, changed)


def _held(tx: Connection, keys: Sequence[str]) -> Select[tuple[str, str, str | None]]:
    columns = stories.c
    query = select(columns.story_id, columns.document_id, columns.told)
    return query.where(columns.story_id.in_(any_of(tx, keys)))


def _row(story_id: str, documents: Sequence[Document], state: StoryState, now: datetime) -> dict[str, object]:
    published = [to_micros(document.published_at) for document in documents]
    return {
        "story_id": story_id,
        "document_id": storable(documents[0].id),
        "first_published_at": min(published),
        "last_published_at": max(published),
        "counted_at": to_micros(now),
        "reach": len(documents),
        "told": state.dump(),
    }
