"""What people say of alerts and labels; see `monitor.ports.VerdictStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select

from monitor.domain import AlertState, Correction, Sentiment, Transition, Verdict, VerdictKind
from monitor.ports import KeptText
from monitor.store.bulk import replace_rows
from monitor.store.part import Part
from monitor.store.schema import corrections, evidence, mentions, transitions, verdicts
from monitor.store.values import from_json, from_micros, storable, storable_or_none, to_micros

_BEFORE_AN_EPISODE = (AlertState.NORMAL, AlertState.PENDING, AlertState.RESOLVED)


class Verdicts(Part):
    """Verdicts, corrections, and the episodes and texts that they are about."""

    def save_verdict(self, verdict: Verdict) -> None:
        """Add, or replace what was said of the same episode before."""
        row = {
            "fingerprint": verdict.fingerprint,
            "fired_at": to_micros(verdict.fired_at),
            "rule": verdict.rule,
            "verdict": verdict.verdict.value,
            "said_by": storable(verdict.by),
            "said_at": to_micros(verdict.at),
            "note": storable(verdict.note),
        }
        with self._database.write() as tx:
            replace_rows(tx, verdicts, [row])

    def verdicts(self) -> Sequence[Verdict]:
        """Every verdict, the latest said first."""
        order = (verdicts.c.said_at.desc(), verdicts.c.fired_at.desc(), verdicts.c.fingerprint)
        with self._database.read() as tx:
            return [_verdict(row) for row in tx.execute(select(verdicts).order_by(*order))]

    def verdict_counts(self) -> Mapping[tuple[str, VerdictKind], int]:
        """How many verdicts of each kind each rule has; pairs without any are left out."""
        kinds = (verdicts.c.rule, verdicts.c.verdict)
        with self._database.read() as tx:
            rows = tx.execute(select(*kinds, func.count().label("number")).group_by(*kinds)).all()
        return {(row.rule, VerdictKind(row.verdict)): row.number for row in rows}

    def firings(self, *, fingerprint: str | None = None) -> Sequence[Transition]:
        """The transitions that began an episode, latest first; of one alert, or of all. Old ones are forgotten."""
        query = select(transitions.c.payload).where(
            transitions.c.after == AlertState.FIRING.value,
            transitions.c.before.in_([state.value for state in _BEFORE_AN_EPISODE]),
        )
        if fingerprint is not None:
            query = query.where(transitions.c.fingerprint == fingerprint)
        with self._database.read() as tx:
            texts = tx.execute(query.order_by(transitions.c.at.desc(), transitions.c.id.desc())).scalars()
            return [from_json(text, Transition) for text in texts]

    def kept_text(self, document_id: str) -> KeptText | None:
        """What is kept of a document; None when nothing is."""
        id_ = storable(document_id)
        found = select(evidence.c.title, evidence.c.published_at).where(evidence.c.document_id == id_)
        with self._database.read() as tx:
            row = tx.execute(found).one_or_none()
            if row is None:
                return None
            named = select(mentions.c.entity).where(
                mentions.c.published_at == row.published_at, mentions.c.document_id == id_
            )
            entities = tuple(sorted(tx.execute(named).scalars()))
        return KeptText(text=row.title, entities=entities)

    def save_correction(self, correction: Correction) -> None:
        """Add, or replace what was said of the same document and entity before."""
        row = {
            "document_id": storable(correction.document_id),
            "entity": storable(correction.entity),
            "text": storable(correction.text),
            "sentiment": correction.sentiment.value if correction.sentiment else None,
            "topic": storable_or_none(correction.topic),
            "said_by": storable(correction.by),
            "said_at": to_micros(correction.at),
        }
        with self._database.write() as tx:
            replace_rows(tx, corrections, [row])

    def corrections(self) -> Sequence[Correction]:
        """Every correction, by document and entity."""
        order = (corrections.c.document_id, corrections.c.entity)
        with self._database.read() as tx:
            return [_correction(row) for row in tx.execute(select(corrections).order_by(*order))]


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(
        fingerprint=row.fingerprint,
        fired_at=from_micros(row.fired_at),
        rule=row.rule,
        verdict=VerdictKind(row.verdict),
        by=row.said_by,
        at=from_micros(row.said_at),
        note=row.note,
    )


def _correction(row: Row[Any]) -> Correction:
    return Correction(
        document_id=row.document_id,
        entity=row.entity,
        text=row.text,
        sentiment=Sentiment(row.sentiment) if row.sentiment else None,
        topic=row.topic,
        by=row.said_by,
        at=from_micros(row.said_at),
    )
