"""`tapewatch explain`: why a rule fired for a series at some minute, or why not; and the pictures of mails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from alerts.charts.chart import Chart, draw_chart
from alerts.explaining import Explainer
from alerts.explanation import Explanation, explanation_lines, verdict_words
from alerts.messages.words import series_words
from monitor.app.source_coverage import SourceCoverage
from monitor.app.store import Store, open_app_store
from monitor.console import Output
from monitor.domain import TOPICS, Alert, SeriesKey
from monitor.errors import MonitorError
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings, Settings
from pipelines.entities import EntityLinker


def explain(
    settings: Settings, key: SeriesKey, at: datetime, *, rule: str | None, chart: Path | None, output: Output
) -> None:
    """Show what each rule that follows `key` saw of it at `at`; raises `MonitorError` where none does."""
    configure_logging(LoggingSettings(level="warning"))
    linker = EntityLinker.from_settings(settings.watchlist)
    about = series_words(key, linker.names)
    with closing(open_app_store(settings)) as store:
        explainer = make_explainer(settings, store, tickers=linker.tickers)
        rules = explainer.rules_of(key, name=rule)
        if chart is not None and len(rules) > 1:
            raise MonitorError(f"a chart is of one rule; add --rule: {', '.join(each.name for each in rules)}")
        for each in rules:
            _show(explainer.explain(each, key, at), about, output)
            if chart is not None:
                _write(explainer.chart(each, key, at, name=about), chart)


def make_explainer(settings: Settings, store: Store, *, tickers: tuple[str, ...]) -> Explainer:
    """Explains by the rules of `settings` over what `store` holds."""
    return Explainer(
        store, settings.alerting, tickers=tickers, topics=TOPICS, bucket=settings.aggregate.bucket,
        coverage=SourceCoverage(settings, store),
    )  # fmt: skip


def alert_charts(
    settings: Callable[[], Settings], store: Callable[[], Store], linker: Callable[[], EntityLinker]
) -> Callable[[Alert], bytes | None]:
    """Draws the alerts of mails, by the settings as they are then."""

    def draw(alert: Alert) -> bytes | None:
        explainer = make_explainer(settings(), store(), tickers=linker().tickers)
        chart = explainer.chart_of_alert(alert, name=series_words(alert.series, linker().names))
        return None if chart is None else draw_chart(chart)

    return draw


def _show(found: Explanation, about: str, output: Output) -> None:
    if output.as_json:
        output.line(_row(found))
    else:
        for line in explanation_lines(found, about=about):
            click.echo(line)


def _row(found: Explanation) -> Mapping[str, object]:
    return {
        "rule": found.rule, "series": found.series, "at": found.at, "met": found.met, "why": verdict_words(found),
        "failed": found.failed, "missing": found.missing, "state": found.state.value, "since_at": found.since_at,
        "reason": found.reason, "silenced": found.silenced, "evidence": found.evidence,
        "uncounted_since": found.uncounted_since,
        "fired": [{"from": start, "to": end} for start, end in found.fired],
    }  # fmt: skip


def _write(chart: Chart, path: Path) -> None:
    try:
        path.write_bytes(draw_chart(chart))
    except OSError as err:
        raise MonitorError(f"{path}: cannot write the chart: {err.strerror or err}") from err
