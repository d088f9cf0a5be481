"""Notifications that wait for delivery, and the log of every attempt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from monitor.domain import DeliveryAttempt, Notification, OutboxItem
from monitor.store.bulk import add_rows
from monitor.store.part import Part
from monitor.store.schema import deliveries, outbox
from monitor.store.values import from_json, from_micros, storable, to_json, to_micros

WAITING, DONE, SUPERSEDED = "waiting", "done", "superseded"
MAX_DETAIL_CHARS = 500


class Outbox(Part):
    """The outbox and the delivery log."""

    def claim_due(self, *, now: datetime, owner: str, hold: timedelta, limit: int) -> Sequence[OutboxItem]:
        """Items due at `now`, oldest first, claimed by `owner` until `now + hold`.

        Items that another process is claiming at this moment are passed over, not waited for.
        """
        present = to_micros(now)
        free = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= present)
        due = (
            select(outbox.c.id, outbox.c.payload, outbox.c.attempts)
            .where(outbox.c.status == WAITING, outbox.c.due_at <= present, free)
            .order_by(outbox.c.created_at, outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as tx:
            rows = tx.execute(due).all()
            claim = update(outbox).where(outbox.c.id.in_([row.id for row in rows]))
            if rows:
                tx.execute(claim.values(claimed_by=owner, claimed_until=to_micros(now + hold)))
        return [OutboxItem(notification=from_json(row.payload, Notification), attempts=row.attempts) for row in rows]

    def renew_claims(self, ids: Collection[str], *, owner: str, until: datetime) -> frozenset[str]:
        """Those of `ids` that wait and are still claimed by `owner`: from here on until `until`.

        A claim that has run out is renewed too, as long as nobody else has taken the item.
        """
        ours = and_(outbox.c.id.in_(sorted(ids)), outbox.c.status == WAITING, outbox.c.claimed_by == owner)
        renewed = update(outbox).where(ours).values(claimed_until=to_micros(until)).returning(outbox.c.id)
        with self._database.write() as tx:
            return frozenset(tx.execute(renewed).scalars())

    def record_attempt(self, attempt: DeliveryAttempt, *, next_attempt_at: datetime | None) -> None:
        """Log the attempt and free the item: done when `next_attempt_at` is None, else due again then.

        An item that was superseded while the attempt ran stays so.
        """
        values: dict[str, object] = {"attempts": attempt.attempt, "claimed_by": None, "claimed_until": None}
        if next_attempt_at is None:
            values["status"] = DONE
        else:
            values["due_at"] = to_micros(next_attempt_at)
        item = and_(outbox.c.id == attempt.notification_id, outbox.c.status == WAITING)
        with self._database.write() as tx:
            tx.execute(update(outbox).where(item).values(values))
            _log(tx, [attempt])

    def deliveries(self, *, limit: int = 100) -> Sequence[DeliveryAttempt]:
        """The delivery log, latest first."""
        query = select(deliveries).order_by(deliveries.c.at.desc(), deliveries.c.id.desc()).limit(limit)
        with self._database.read() as tx:
            return [_attempt(row) for row in tx.execute(query)]

    def outbox_size(self) -> int:
        """Items that wait."""
        query = select(func.count()).select_from(outbox).where(outbox.c.status == WAITING)
        with self._database.read() as tx:
            return int(tx.execute(query).scalar_one())


def enqueue(tx: Connection, notifications: Sequence[Notification]) -> None:
    """Put `notifications` into the outbox; whatever waits there for the same receiver and group is superseded."""
    for notification in notifications:
        row = {
            "id": notification.id,
            "receiver": notification.receiver,
            "group_key": storable(notification.group_key),
            "status": WAITING,
            "created_at": to_micros(notification.created_at),
            "due_at": to_micros(notification.created_at),
            "attempts": 0,
            "claimed_by": None,
            "claimed_until": None,
            "payload": to_json(notification),
        }
        if add_rows(tx, outbox, [row]):
            _supersede(tx, notification)


def _supersede(tx: Connection, newer: Notification) -> None:
    older = (
        update(outbox)
        .where(
            outbox.c.receiver == newer.receiver,
            outbox.c.group_key == storable(newer.group_key),
            outbox.c.status == WAITING,
            outbox.c.id != newer.id,
        )
        .values(status=SUPERSEDED, claimed_by=None, claimed_until=None)
        .returning(outbox.c.id, outbox.c.attempts)
    )
    _log(tx, [superseded(row.id, row.attempts, newer) for row in tx.execute(older).all()])


def superseded(notification_id: str, attempts: int, newer: Notification) -> DeliveryAttempt:
    """What the delivery log says of an item that was tried so often and whose place `newer` takes."""
    return DeliveryAttempt(
        notification_id=notification_id,
        receiver=newer.receiver,
        attempt=attempts + 1,
        at=newer.created_at,
        outcome=SUPERSEDED,
        detail=f"a newer notification of the group takes its place: {newer.id}",
        took_s=0.0,
    )


def _log(tx: Connection, attempts: Sequence[DeliveryAttempt]) -> None:
    rows = [
        {
            "notification_id": attempt.notification_id,
            "receiver": attempt.receiver,
            "attempt": attempt.attempt,
            "at": to_micros(attempt.at),
            "outcome": attempt.outcome,
            "detail": storable(attempt.detail)[:MAX_DETAIL_CHARS],
            "took_s": attempt.took_s,
        }
        for attempt in attempts
    ]
    add_rows(tx, deliveries, rows)


def _attempt(row: Row[Any]) -> DeliveryAttempt:
    return DeliveryAttempt(
        notification_id=row.notification_id,
        receiver=row.receiver,
        attempt=row.attempt,
        at=from_micros(row.at),
        outcome=row.outcome,
        detail=row.detail,
        took_s=row.took_s,
    )
