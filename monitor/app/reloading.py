"""Take a changed configuration into the running process: rules, routing, receivers and the watchlist.

All or nothing: whatever is new is made first, and only when all of it could be made does it take the place of the old.
A file that cannot be taken leaves the old configuration in force, and says so in the log and in a metric. Evaluator and
delivery change over between two turns; the states of alerts and what waits to be delivered are in the database.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import structlog
from pydantic import ValidationError

from monitor.app.workshop import Workshop
from monitor.errors import MonitorError
from monitor.metrics.configuration import ConfigurationMetrics
from monitor.settings import Settings
from monitor.settings.load import refused_settings

log = structlog.get_logger(__name__)

TAKEN = ("alerting", "watchlist")  #: Sections that change while the process runs.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What is in force now."""

    rules: int
    receivers: int
    entities: int
    needs_restart: tuple[str, ...]  #: Sections of the file that differ from what runs.


class Reloader:
    """Reads the configuration again and puts it into the workshop; safe from several threads."""

    def __init__(self, workshop: Workshop, *, read: Callable[[], Settings]) -> None:
        self._workshop = workshop
        self._read = read
        self._metrics = ConfigurationMetrics(workshop.registry)
        self._metrics.taken(workshop.clock())
        self._turn = threading.Lock()

    def reload(self, stages: Sequence[str]) -> Reloaded:
        """Take what the file holds now, as far as `stages` need it; raises `ConfigurationError`, changing nothing."""
        with self._turn:
            try:
                given = self._read()
                made = remade(self._workshop, _merged(self._workshop.settings, given), stages)
            except MonitorError as err:
                self._metrics.refused()
                log.error("configuration_refused", error=str(err))
                raise
            self._workshop.adopt(made)
            self._metrics.taken(self._workshop.clock())
        report = _report(made, given)
        log.info("configuration_reloaded", **asdict(report))
        return report


def remade(workshop: Workshop, settings: Settings, stages: Sequence[str]) -> Workshop:
    """A workshop of `settings` that shares all else with `workshop`; raises `ConfigurationError` as the start does."""
    made = copy.copy(workshop)
    for name in ("linker", "notifiers"):
        made.__dict__.pop(name, None)
    made.settings = settings
    made.check(stages)
    return made


def _merged(running: Settings, given: Settings) -> Settings:
    """What runs, with the sections that may change; they must fit those that may not."""
    try:
        return Settings.model_validate(dict(running) | {name: getattr(given, name) for name in TAKEN})
    except ValidationError as err:
        raise refused_settings(err) from err


def _report(workshop: Workshop, given: Settings) -> Reloaded:
    running = workshop.settings
    other = [name for name in type(given).model_fields if getattr(given, name) != getattr(running, name)]
    return Reloaded(
        rules=len(running.alerting.rules),
        receivers=len(running.alerting.receivers),
        entities=len(workshop.linker.tickers),
        needs_restart=tuple(other),
    )
