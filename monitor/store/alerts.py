"""Alert states, transitions, groups, silences and baselines; one evaluation is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Column, select

from monitor.domain import Alert, GroupState, SeriesKey, Silence, Transition
from monitor.ports import BaselineState, Tick
from monitor.store import schema
from monitor.store.bulk import Row, add_rows, replace_rows
from monitor.store.outbox import enqueue
from monitor.store.part import Part
from monitor.store.values import from_json, from_json_object, from_micros, storable, to_json, to_micros

_T = TypeVar("_T")


class Alerts(Part):
    """What the alert module remembers."""

    def alerts(self) -> Sequence[Alert]:
        """Every alert that is stored, by fingerprint."""
        return self._all(schema.alerts.c.payload, Alert, order=schema.alerts.c.fingerprint)

    def transitions(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Transition]:
        """Latest first."""
        table = schema.transitions
        query = select(table.c.payload).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(table.c.at >= to_micros(since))
        with self._database.read() as tx:
            return [from_json(text, Transition) for text in tx.execute(query).scalars()]

    def baselines(self) -> Sequence[BaselineState]:
        """All learned states."""
        table = schema.baselines
        with self._database.read() as tx:
            rows = tx.execute(select(table).order_by(*table.primary_key)).all()
        return [
            BaselineState(
                rule=row.rule,
                series=SeriesKey(entity=row.entity, topic=row.topic, source_class=row.source_class),
                learned_until=from_micros(row.learned_until),
                state=from_json_object(row.state),
            )
            for row in rows
        ]

    def groups(self) -> Sequence[GroupState]:
        """All group states."""
        return self._all(schema.group_states.c.payload, GroupState, order=schema.group_states.c.group_key)

    def silences(self, *, active_at: datetime | None = None) -> Sequence[Silence]:
        """Silences; with `active_at` those in force then."""
        table = schema.silences
        query = select(table.c.payload).order_by(table.c.starts_at, table.c.id)
        if active_at is not None:
            query = query.where(table.c.starts_at <= to_micros(active_at), table.c.ends_at > to_micros(active_at))
        with self._database.read() as tx:
            return [from_json(text, Silence) for text in tx.execute(query).scalars()]

    def save_silence(self, silence: Silence) -> None:
        """Add or replace by id."""
        row = {
            "id": silence.id,
            "starts_at": to_micros(silence.starts_at),
            "ends_at": to_micros(silence.ends_at),
            "payload": to_json(silence),
        }
        with self._database.write() as tx:
            replace_rows(tx, schema.silences, [row])

    def store_tick(self, tick: Tick) -> None:
        """All of `tick` or nothing; older undelivered notifications of a group and receiver become superseded.

        Storing the same tick twice changes nothing, so it can be repeated when the answer to a commit was lost.
        """
        with self._database.write() as tx:
            replace_rows(tx, schema.alerts, _sorted(map(_alert_row, tick.alerts), "fingerprint"))
            add_rows(tx, schema.transitions, [_transition_row(transition) for transition in tick.transitions])
            replace_rows(tx, schema.group_states, _sorted(map(_group_row, tick.groups), "receiver", "group_key"))
            keys = [column.name for column in schema.baselines.primary_key]
            replace_rows(tx, schema.baselines, _sorted(map(_baseline_row, tick.baselines), *keys))
            enqueue(tx, tick.notifications)

    def _all(self, payload: Column[str], kind: type[_T], *, order: Column[str]) -> list[_T]:
        with self._database.read() as tx:
            return [from_json(text, kind) for text in tx.execute(select(payload).order_by(order)).scalars()]


def _sorted(rows: Iterable[Row], *key: str) -> list[Row]:
    """`rows` by key, the last of each: a statement may touch a row only once."""
    last = {tuple(str(row[name]) for name in key): row for row in rows}
    return [last[name] for name in sorted(last)]


def _alert_row(alert: Alert) -> Row:
    return {
        "fingerprint": alert.fingerprint,
        "rule": alert.rule,
        "state": alert.state.value,
        "payload": to_json(alert),
    }


def _transition_row(transition: Transition) -> Row:
    return {
        "fingerprint": transition.fingerprint,
        "at": to_micros(transition.at),
        "before": transition.before.value,
        "after": transition.after.value,
        "payload": to_json(transition),
    }


def _group_row(group: GroupState) -> Row:
    return {"receiver": group.receiver, "group_key": storable(group.group_key), "payload": to_json(group)}


def _baseline_row(baseline: BaselineState) -> Row:
    return {
        "rule": baseline.rule,
        "entity": storable(baseline.series.entity),
        "topic": storable(baseline.series.topic),
        "source_class": baseline.series.source_class,
        "learned_until": to_micros(baseline.learned_until),
        "state": to_json(baseline.state),
    }
