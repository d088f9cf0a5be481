"""What the counts do not say is asked for no more often than it can change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerts.counted import Counted
from alerts.evidence import Witness
from monitor.domain import SeriesKey
from monitor.settings import Rule
from tests.fixtures.alert_store import FakeAlertStore

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_coverage_is_asked_once_for_all_series_of_a_tick() -> None:
    """A hundred alerts that fire must not put the same question to the store a hundred times a minute."""
    asked: list[tuple[datetime, datetime, str]] = []

    def coverage(start: datetime, end: datetime, source_class: str) -> float:
        asked.append((start, end, source_class))
        return len(asked) / 10.0

    store = FakeAlertStore()
    witness = Witness(store=store, counted=Counted(store, [], bucket=MINUTE), limit=5, coverage=coverage)
    rule, news = Rule(name="R"), SeriesKey(entity="A", source_class="news")
    keys = [SeriesKey(entity=name) for name in "ABC"]
    assert [witness.covered(rule, key, T0) for key in keys] == [0.1, 0.1, 0.1]
    assert witness.covered(rule, news, T0) == 0.2
    assert [witness.covered(rule, key, T0 + MINUTE) for key in keys] == [0.3, 0.3, 0.3]
    assert len(asked) == 3
