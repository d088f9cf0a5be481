"""How much of the sources was looked at, as rules ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from monitor.app.source_coverage import SourceCoverage
from monitor.domain import Coverage
from monitor.settings import Settings
from tests.fixtures.memory_sources import MemorySourceStore

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Covered(MemorySourceStore):
    """Sources of which some slots of four are covered."""

    def __init__(self, slots: Mapping[str, int]) -> None:
        super().__init__()
        self.slots = slots

    def coverage(
        self, start: datetime, end: datetime, *, every: Mapping[str, timedelta] | None = None
    ) -> Mapping[str, Coverage]:
        """As in the port: who stands in `every` is in the answer."""
        assert (start, end) == (T0, T0 + HOUR)
        return {name: Coverage(slots=self.slots.get(name, 0), expected=4) for name in every or {}}


def configured(**classes: str) -> Settings:
    """Feeds by name, with their classes."""
    feeds = [
        {"type": "feed", "name": name, "url": f"https://{name}.example/rss", "source_class": source_class}
        for name, source_class in classes.items()
    ]
    return Settings.model_validate({"sources": feeds})


@pytest.mark.parametrize(("source_class", "share"), [("all", 0.5), ("news", 0.25), ("social", 1.0), ("filing", None)])
def test_share_is_the_mean_over_the_sources_of_the_class(source_class: str, share: float | None) -> None:
    """A dead source counts as nothing looked at; a class without sources says nothing."""
    of = SourceCoverage(configured(a="news", b="news", c="social"), Covered({"a": 2, "c": 4}))
    assert of(T0, T0 + HOUR, source_class) == share


def test_monitor_without_polled_sources_knows_no_coverage() -> None:
    """Who pushes documents has no schedule that could be missed."""
    assert SourceCoverage(Settings(), Covered({}))(T0, T0 + HOUR, "all") is None
