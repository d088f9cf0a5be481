"""Check rules against what is watched, so that no rule is silent for ever because it matches nothing."""

from __future__ import annotations

from collections.abc import Collection

from alerts.rules import check_rules
from monitor.domain import TOPICS
from monitor.settings import Settings
from pipelines.entities import EntityLinker


def check_written_rules(settings: Settings, *, tickers: Collection[str] | None = None) -> None:
    """Raise `ConfigurationError` where a rule that somebody wrote matches none of `tickers`.

    Left out, they are those of the watchlist, which is read for it and may be refused. The default rule may well have
    nothing to watch yet.
    """
    watched = EntityLinker.from_settings(settings.watchlist).tickers if tickers is None else tickers
    if "rules" in settings.alerting.model_fields_set:
        check_rules(settings.alerting.rules, tickers=watched, topics=TOPICS)
