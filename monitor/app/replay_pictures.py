"""A picture of every alert of a replay, as mails have them: what was counted, what was expected, when it fired."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from alerts.chart import draw_chart
from alerts.explaining import Explainer
from alerts.kept_states import KeptStates
from alerts.rerun import Rerun
from alerts.words import series_words
from monitor.app.replay_history import History
from monitor.domain import TOPICS, Alert
from monitor.errors import ConfigurationError
from monitor.ports import Tick
from monitor.settings import Settings

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.\-]+")


def draw_alerts(run: Rerun, history: History, settings: Settings, folder: Path) -> Sequence[Path]:
    """Draw each alert of `run` as it began to fire into `folder`; returns what was written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(f"{folder}: cannot be made: {err.strerror}") from err
    explainer = _explainer(run, history, settings)
    rules = {rule.name: rule for rule in settings.alerting.rules}
    names = history.workshop.linker.names
    written: list[Path] = []
    for alert in run.fired:
        at = alert.fired_at
        if at is None or alert.rule not in rules:
            continue
        chart = explainer.chart(rules[alert.rule], alert.series, at, name=series_words(alert.series, names))
        path = folder / _file_name(alert)
        path.write_bytes(draw_chart(chart))
        written.append(path)
    return written


def _explainer(run: Rerun, history: History, settings: Settings) -> Explainer:
    """Knows of the run when what fired, and nothing of what was learned by its end."""
    states = KeptStates(history.workshop.store)
    states.store_tick(
        Tick(
            at=history.last_at, alerts=(), transitions=run.transitions, groups=(), notifications=(), baselines=(),
        )
    )  # fmt: skip
    return Explainer(
        states,
        settings.alerting,
        tickers=history.state.tickers,
        topics=TOPICS,
        bucket=settings.aggregate.bucket,
    )


def _file_name(alert: Alert) -> str:
    """By time, so that a folder shows the alerts in order."""
    parts = (f"{alert.fired_at:%Y-%m-%dT%H%M}", alert.rule, alert.series.entity, alert.series.topic)
    return _NOT_IN_NAMES.sub("_", "-".join(parts)) + ".png"
