"""A picture of every alert of a replay, as mails have them: what was counted, what was expected, when it fired."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from alerts.charts.chart import draw_chart
from alerts.explaining import Explainer
from alerts.messages.words import series_words
from alerts.replays.kept_states import KeptStates
from monitor.app.replay_history import History
from monitor.domain import TOPICS, Alert
from monitor.errors import ConfigurationError
from monitor.settings import Settings

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.\-]+")


def artist(states: KeptStates, history: History, settings: Settings, folder: Path) -> Callable[[Alert], None]:
    """Draws an alert that just began to fire into `folder`.

    It is to be asked at once, while `states` know just what was learned by then; later all would be learned anew.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(f"{folder}: cannot be made: {err.strerror}") from err
    explainer = Explainer(
        states, settings.alerting, tickers=history.state.tickers, topics=TOPICS, bucket=settings.aggregate.bucket
    )
    rules = {rule.name: rule for rule in settings.alerting.rules}
    names = history.workshop.linker.names

    def draw(alert: Alert) -> None:
        if alert.fired_at is not None:
            name = series_words(alert.series, names)
            chart = explainer.chart(rules[alert.rule], alert.series, alert.fired_at, name=name)
            (folder / _file_name(alert)).write_bytes(draw_chart(chart))

    return draw


def _file_name(alert: Alert) -> str:
    """By time, so that a folder shows the alerts in order."""
    parts = (f"{alert.fired_at:%Y-%m-%dT%H%M}", alert.rule, alert.series.entity, alert.series.topic)
    return _NOT_IN_NAMES.sub("_", "-".join(parts)) + ".png"
