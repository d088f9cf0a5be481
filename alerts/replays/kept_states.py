"""States in memory: an alert store that reads counts and documents from another one, and writes to none.

For rules that are tried on what was counted: each try begins without alerts, and leaves the counts as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.domain import Alert, Counts, EvidenceDocument, GroupState, SeriesKey, Silence, Transition
from monitor.ports import AlertStore, BaselineState, NegativeVoices, Tick


class KeptStates(AlertStore):
    """Counts from `counted`, the rest from this run."""

    def __init__(self, counted: AlertStore) -> None:
        self._counted = counted
        self._alerts: dict[str, Alert] = {}
        self._groups: dict[tuple[str, str], GroupState] = {}
        self._baselines: dict[tuple[str, SeriesKey], BaselineState] = {}
        self._silences: dict[str, Silence] = {}
        self._transitions: list[Transition] = []

    def acquire_lease(self, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
        """Nobody else is here."""
        del name, owner, now, ttl
        return True

    def release_lease(self, name: str, *, owner: str) -> None:
        """Nobody else is here."""

    def counted_until(self) -> datetime | None:
        """Nothing more will come."""
        return None

    def evaluated_until(self) -> datetime | None:
        """Nothing was, before this run."""
        return None

    def raise_evaluated_until(self, at: datetime) -> None:
        """Nobody takes over."""
        del at

    def window_counts(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Counts]:
        """As counted."""
        return self._counted.window_counts(start, end)

    def first_bucket_at(self) -> datetime | None:
        """As counted."""
        return self._counted.first_bucket_at()

    def negative_documents(
        self, series: SeriesKey, start: datetime, end: datetime, *, limit: int
    ) -> Sequence[EvidenceDocument]:
        """As counted."""
        return self._counted.negative_documents(series, start, end, limit=limit)

    def negative_voices(self, series: SeriesKey, start: datetime, end: datetime) -> NegativeVoices:
        """As counted."""
        return self._counted.negative_voices(series, start, end)

    def slot_counts(
        self, start: datetime, end: datetime, *, series: Collection[SeriesKey] | None = None
    ) -> Mapping[SeriesKey, Mapping[datetime, Counts]]:
        """As counted."""
        return self._counted.slot_counts(start, end, series=series)

    def slot_documents(self, slots: Collection[datetime]) -> Mapping[datetime, int]:
        """As counted."""
        return self._counted.slot_documents(slots)

    def last_bucket_at(self, *, before: datetime) -> datetime | None:
        """As counted."""
        return self._counted.last_bucket_at(before=before)

    def alerts(self) -> Sequence[Alert]:
        """Every alert of this run."""
        return [self._alerts[key] for key in sorted(self._alerts)]

    def transitions(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Transition]:
        """Latest first."""
        found = [each for each in self._transitions if since is None or each.at >= since]
        return found[::-1][:limit]

    def baselines(self) -> Sequence[BaselineState]:
        """What was learned in this run."""
        return list(self._baselines.values())

    def groups(self) -> Sequence[GroupState]:
        """What receivers would have been told in this run."""
        return list(self._groups.values())

    def silences(self, *, active_at: datetime | None = None) -> Sequence[Silence]:
        """Those saved in this run."""
        found = self._silences.values()
        return [each for each in found if active_at is None or each.starts_at <= active_at < each.ends_at]

    def save_silence(self, silence: Silence) -> None:
        """Add or replace by id."""
        self._silences[silence.id] = silence

    def store_tick(self, tick: Tick) -> None:
        """Remember what changed; notifications go nowhere."""
        self._transitions.extend(tick.transitions)
        self._alerts.update((alert.fingerprint, alert) for alert in tick.alerts)
        self._groups.update(((group.receiver, group.group_key), group) for group in tick.groups)
        self._baselines.update(((state.rule, state.series), state) for state in tick.baselines)
