"""What is known of each author of posts: since when, and how many posts an hour. Digests alone, no names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from monitor.domain import AuthorKind, Label
from monitor.ports import AuthorRecord, Guard
from monitor.store.bulk import any_of, replace_rows
from monitor.store.schema import authors
from monitor.store.values import from_micros, to_micros


def meet_authors(tx: Connection, labels: Sequence[Label], guard: Guard) -> Counter[AuthorKind]:
    """Remember the authors of `labels`, and count what they were; a post of nobody is left out.

    Rows that are there are locked in the order of their keys. Of two workers that meet an author for the first time at
    once, one writes over the other: a post less in a metric.
    """
    posts = [(author, label) for label in labels if (author := guard.author(label))]
    if not posts:
        return Counter()
    known = dict(_held(tx, sorted({author for author, _ in posts})))
    kinds: Counter[AuthorKind] = Counter()
    for author, label in posts:
        known[author], kind = guard.meet(known.get(author), label.document.published_at)
        kinds[kind] += 1
    replace_rows(tx, authors, [_row(author, known[author]) for author in sorted(known)])
    return kinds


def _held(tx: Connection, wanted: Sequence[str]) -> Iterator[tuple[str, AuthorRecord]]:
    query = select(authors).where(authors.c.author.in_(any_of(tx, wanted))).order_by(authors.c.author)
    for row in tx.execute(query.with_for_update()):
        yield (
            row.author,
            AuthorRecord(
                first_seen_at=from_micros(row.first_seen_at),
                last_seen_at=from_micros(row.last_seen_at),
                recent=row.recent,
            ),
        )


def _row(author: str, record: AuthorRecord) -> dict[str, object]:
    return {
        "author": author,
        "first_seen_at": to_micros(record.first_seen_at),
        "last_seen_at": to_micros(record.last_seen_at),
        "recent": record.recent,
    }
