"""How much of the sources was looked at in a span: settings and the store in, one share out; rules ask for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.domain import ALL
from monitor.ports import SourceStore
from monitor.settings import Settings


class SourceCoverage:
    """The mean, over the configured sources that are polled, of the share of slots that a poll speaks for."""

    def __init__(self, settings: Settings, store: SourceStore) -> None:
        self._store = store
        self._every: dict[str, dict[str, timedelta]] = {ALL: {}}
        for source in settings.sources:
            for name in (ALL, source.source_class.value):
                self._every.setdefault(name, {})[source.name] = source.every

    def __call__(self, start: datetime, end: datetime, source_class: str) -> float | None:
        """The share for the sources of `source_class`, or of all; None where none of them is configured.

        Files end and documents that are sent have no schedule, so a monitor that has nothing else knows no coverage.
        """
        every = self._every.get(source_class, {})
        if not every:
            return None
        found = self._store.coverage(start, end, every=every)
        return sum(found[name].share for name in every) / len(every)
