"""How every configured source is: settings and the store in, one report a source out; and what metrics show of it.

Reports rest on what is stored alone, so any process gives the same: the daemon, the web server, the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from monitor.domain import COVERAGE_SLOT, Coverage, SourceHealth, SourceHistory, slot_start, slots_between
from monitor.errors import MonitorError
from monitor.metrics import SourceMetrics
from monitor.ports import SourceState, SourceStore
from monitor.settings import Settings
from pipelines.sources.health import LOOK_BACK, Known, judge
from pipelines.sources.push import PUSH

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One source, as people and programs see it."""

    name: str
    type: str  #: As in the configuration, or `push`.
    source_class: str | None  #: None: every document says its own.
    health: SourceHealth
    reason: str  #: In words.
    last_success_at: datetime | None  #: UTC; None for `push`.
    last_document_at: datetime | None  #: UTC; start of the quarter of an hour in which the last one came.
    documents_24h: int  #: New ones.
    coverage_24h: float | None  #: Share of the last day, in [0, 1]; None before the first poll, and for `push`.
    next_poll_at: datetime | None  #: UTC; not before.
    last_error: str | None

    def as_row(self) -> dict[str, object]:
        """By the names that the command line and the API use."""
        return {
            "name": self.name,
            "type": self.type,
            "class": self.source_class,
            "state": self.health.value,
            "reason": self.reason,
            "last_success_at": self.last_success_at,
            "last_document_at": self.last_document_at,
            "documents_24h": self.documents_24h,
            "coverage_24h": self.coverage_24h,
            "next_poll_at": self.next_poll_at,
            "last_error": self.last_error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configured:
    name: str
    type: str
    source_class: str | None
    every: timedelta | None  # None: documents are sent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    states: Mapping[str, SourceState]
    histories: Mapping[str, SourceHistory]
    last_day: Mapping[str, Coverage]


def source_reports(settings: Settings, store: SourceStore, now: datetime) -> list[SourceReport]:
    """One report a configured source, in the order of the configuration; HTTP push last, where it is open."""
    configured = list(_configured(settings))
    stored = _read(configured, store, now)
    return [_report(source, stored, now) for source in configured]


class SourceWatch:
    """Shows the health of the sources in metrics."""

    def __init__(self, settings: Settings, *, store: SourceStore, metrics: SourceMetrics) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._before: dict[str, SourceHealth] = {}
        for source in _configured(settings):
            metrics.start_source(source.name)

    def look(self, now: datetime) -> None:
        """Judge every source and show it; while the store is away, what was shown stays."""
        try:
            reports = source_reports(self._settings, self._store, now)
        except MonitorError as err:
            log.warning("sources_not_judged", error=str(err))
            return
        for report in reports:
            self._show(report)

    def _show(self, report: SourceReport) -> None:
        for state in SourceHealth:
            self._metrics.health.labels(source=report.name, state=state.value).set(report.health is state)
        if report.last_document_at:
            self._metrics.last_document.labels(source=report.name).set(report.last_document_at.timestamp())
        if report.coverage_24h is not None:
            self._metrics.coverage.labels(source=report.name).set(report.coverage_24h)
        before = self._before.get(report.name)
        if before is not report.health:
            self._before[report.name] = report.health
            log.info("source_health_changed", source=report.name, state=report.health.value, before=before,
                     reason=report.reason)  # fmt: skip


def _configured(settings: Settings) -> Iterable[_Configured]:
    for source in settings.sources:
        yield _Configured(
            name=source.name, type=source.type, source_class=source.source_class.value, every=source.every
        )
    if settings.ingest.push.enabled:
        yield _Configured(name=PUSH, type=PUSH, source_class=None, every=None)


def _read(configured: list[_Configured], store: SourceStore, now: datetime) -> _Stored:
    names = [source.name for source in configured]
    every = {source.name: source.every or timedelta(0) for source in configured}
    return _Stored(
        states={state.source: state for state in store.source_states()},
        histories=store.source_histories(names, since=now - LOOK_BACK),
        last_day=store.coverage(slot_start(now) - DAY + COVERAGE_SLOT, now, every=every),
    )


def _report(source: _Configured, stored: _Stored, now: datetime) -> SourceReport:
    state = stored.states.get(source.name, SourceState(source=source.name))
    history = stored.histories[source.name]
    known = Known(state=state, history=history, every=source.every, may_end=source.type == "file")
    verdict = judge(known, now)
    return SourceReport(
        name=source.name,
        type=source.type,
        source_class=source.source_class,
        health=verdict.health,
        reason=verdict.reason,
        last_success_at=state.last_success_at,
        last_document_at=history.last_document_at,
        documents_24h=stored.last_day[source.name].documents,
        coverage_24h=_share(known, stored.last_day[source.name], now),
        next_poll_at=state.next_poll_at,
        last_error=state.last_error,
    )


def _share(known: Known, last_day: Coverage, now: datetime) -> float | None:
    """The share of the last day that was covered, or of the time since the first poll where that is shorter."""
    first_at, asked_at = known.history.first_at, known.state.last_success_at
    if known.every is None or (first_at is None and asked_at is None):
        return None
    expected = slots_between(first_at, now) if first_at else last_day.expected
    return min(1.0, last_day.slots / max(1, min(expected, last_day.expected)))
