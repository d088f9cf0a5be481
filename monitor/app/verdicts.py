"""What people say of alerts and labels: from a signed link or the command line into the store, and out to training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alerts.messages.evidence_words import outcome_words
from alerts.messages.words import series_words
from monitor.domain import ALL, Alert, Correction, Sentiment, Transition, Verdict, VerdictKind
from monitor.errors import MonitorError, PermanentError
from monitor.ports import Clock, EpisodeView, VerdictStore

if TYPE_CHECKING:
    from alerts.messages.verdict_links import EpisodeClaim, VerdictLinks

AFTER = timedelta(hours=1)  #: A quiet span lasts so long after the alert that was wrong.
LONGEST_BEFORE = timedelta(hours=23)  #: So much before an alert it may have begun and still be found by a replay.


class Desk:
    """Where signed links end; see `monitor.ports.VerdictDesk`."""

    def __init__(
        self,
        store: Callable[[], VerdictStore],
        links: Callable[[], VerdictLinks | None],
        *,
        names: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._store = store
        self._links = links
        self._names = names
        self._clock = clock

    def episode(self, token: str) -> EpisodeView:
        """What the link is about; records nothing."""
        return self._view(self._claim(token))

    def record(self, token: str, verdict: VerdictKind, *, by: str, note: str) -> EpisodeView:
        """Remember the verdict."""
        claim, now = self._claim(token), self._clock()
        alert = self._alert(claim)
        self._store().save_verdict(
            Verdict(
                fingerprint=claim.fingerprint, fired_at=claim.fired_at, rule=alert.rule, verdict=verdict,
                by=by.strip(), at=now, note=note.strip(),
            )
        )  # fmt: skip
        return self._view(claim)

    def _claim(self, token: str) -> EpisodeClaim:
        links = self._links()
        if links is None:
            raise PermanentError("verdicts are not taken by link any more: alerting.verdicts has no secret")
        return links.read(token, at=self._clock())

    def _alert(self, claim: EpisodeClaim) -> Alert:
        found = (alert for alert in self._store().alerts() if alert.fingerprint == claim.fingerprint)
        alert = next(found, None)
        if alert is None:
            raise PermanentError("this alert is forgotten: the database behind this address does not know it")
        return alert

    def _view(self, claim: EpisodeClaim) -> EpisodeView:
        store, alert = self._store(), self._alert(claim)
        said = (verdict for verdict in store.verdicts() if _is_of(verdict, claim.fingerprint, claim.fired_at))
        began = (firing for firing in store.firings(fingerprint=claim.fingerprint) if firing.at == claim.fired_at)
        first, last = next(began, None), next(said, None)
        evidence = first.evidence if first else alert.evidence if alert.fired_at == claim.fired_at else None
        return EpisodeView(
            rule=alert.rule,
            about=series_words(alert.series, self._names),
            fired_at=claim.fired_at,
            summary=outcome_words(evidence) if evidence else "",
            verdict=last.verdict if last else None,
        )


def _is_of(verdict: Verdict, fingerprint: str, fired_at: datetime) -> bool:
    return verdict.fingerprint == fingerprint and verdict.fired_at == fired_at


def say_verdict(  # noqa: PLR0913 - what, of what, and who says so
    store: VerdictStore, fingerprint: str, kind: VerdictKind, *, at: datetime | None, by: str, note: str, now: datetime
) -> Verdict:
    """Remember a verdict on the alert whose fingerprint begins so: its last episode, or the one that fired by `at`."""
    found = [alert for alert in store.alerts() if alert.fingerprint.startswith(fingerprint)]
    if len(found) != 1:
        raise MonitorError(f"{len(found)} alerts begin with {fingerprint!r}; see: tapewatch alerts list --all")
    verdict = Verdict(
        fingerprint=found[0].fingerprint, fired_at=_episode(store, found[0], at), rule=found[0].rule, verdict=kind,
        by=by, at=now, note=note,
    )  # fmt: skip
    store.save_verdict(verdict)
    return verdict


def _episode(store: VerdictStore, alert: Alert, at: datetime | None) -> datetime:
    """When the episode began that is meant."""
    began = {firing.at for firing in store.firings(fingerprint=alert.fingerprint)}
    began |= {alert.fired_at} if alert.fired_at else set()
    meant = [instant for instant in began if at is None or instant <= at]
    if not meant:
        when = f" by {at:%Y-%m-%d %H:%M} UTC" if at else ""
        raise MonitorError(f"alert {alert.fingerprint} has not fired{when}; see: tapewatch alerts history")
    return max(meant)


def verdict_rows(store: VerdictStore) -> Iterator[dict[str, object]]:
    """Every verdict with its series and, where it is not forgotten, the evidence as it was when the alert fired."""
    series = {alert.fingerprint: alert.series for alert in store.alerts()}
    firings = {(firing.fingerprint, firing.at): firing for firing in store.firings()}
    for verdict in store.verdicts():
        firing = firings.get((verdict.fingerprint, verdict.fired_at))
        key = firing.series if firing else series.get(verdict.fingerprint)
        yield {
            "fingerprint": verdict.fingerprint, "rule": verdict.rule, "fired_at": verdict.fired_at,
            "verdict": verdict.verdict.value, "by": verdict.by, "said_at": verdict.at, "note": verdict.note,
            "series": key, "evidence": firing.evidence if firing else None,
        }  # fmt: skip


def event_rows(store: VerdictStore) -> Iterator[dict[str, str]]:
    """Useful verdicts as labelled events, false ones as quiet spans: what `tapewatch replay --labels` reads."""
    series = {alert.fingerprint: alert.series for alert in store.alerts()}
    firings = {(firing.fingerprint, firing.at): firing for firing in store.firings()}
    for verdict in store.verdicts():
        key = series.get(verdict.fingerprint)
        if verdict.verdict is not VerdictKind.DUPLICATE and key is not None:
            is_useful = verdict.verdict is VerdictKind.USEFUL
            start = _first_told(firings.get((verdict.fingerprint, verdict.fired_at)), verdict.fired_at)
            yield {
                "entity": key.entity, "start": start.isoformat(),
                "end": (verdict.fired_at + (timedelta(0) if is_useful else AFTER)).isoformat(),
                "description": verdict.note or f"alert of {verdict.rule}, said to be {verdict.verdict.value}",
                "expect": "alert" if is_useful else "quiet",
            }  # fmt: skip


def _first_told(firing: Transition | None, fired_at: datetime) -> datetime:
    """When the stories of an episode began, at most a day before; when it fired where that is forgotten."""
    documents = firing.evidence.documents if firing and firing.evidence else ()
    first = min((document.first_at or document.published_at for document in documents), default=fired_at)
    return max(first, fired_at - LONGEST_BEFORE)


def correct_label(  # noqa: PLR0913 - what, of what, and who says so
    store: VerdictStore,
    document_id: str,
    *,
    entity: str,
    sentiment: Sentiment | None,
    topic: str | None,
    by: str,
    now: datetime,
) -> Correction:
    """Remember what the model should have said of a document."""
    kept = store.kept_text(document_id)
    if kept is None:
        raise MonitorError(f"no document {document_id!r} is kept; ids stand in: tapewatch alerts show, stories show")
    if entity != ALL and entity not in kept.entities:
        named = ", ".join(kept.entities) or "none"
        raise MonitorError(f"document {document_id!r} is not about {entity}; it names: {named}; or leave --entity out")
    correction = Correction(
        document_id=document_id, entity=entity, text=kept.text, sentiment=sentiment, topic=topic, by=by, at=now
    )
    store.save_correction(correction)
    return correction
