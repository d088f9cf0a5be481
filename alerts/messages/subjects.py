"""The subject of a message: who, what and how much, in one line that is enough to decide whether to get up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alerts.messages.evidence_words import outcome_words
from alerts.messages.words import span_words

if TYPE_CHECKING:
    from alerts.messages.content import AlertContent

NAMED = 3  #: Entities that a subject over several alerts names.


def subject_words(status: str, alerts: Sequence[AlertContent]) -> str:
    """The subject of a message over `alerts`; those that fire go first."""
    firing = [alert for alert in alerts if alert.status == "firing"]
    shown = firing or list(alerts)
    over = f"; {len(alerts) - len(firing)} resolved" if firing and len(firing) < len(alerts) else ""
    if len(shown) == 1:
        return f"[{shown[0].state.upper()}] {shown[0].title}: {shown[0].about}: {_outcome(shown[0])}{over}"
    titles = {alert.title for alert in shown}
    title = f"{titles.pop()}s" if len(titles) == 1 else "Alerts"
    more = f" and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
    named = ", ".join(alert.about for alert in shown[:NAMED])
    return f"[{status.upper()}:{len(shown)}] {title}: {named}{more}{over}"


def _outcome(alert: AlertContent) -> str:
    if alert.ended_at is not None:
        return f"over after {span_words(alert.ended_at - alert.since_at)}"
    if alert.reason:
        return alert.reason
    return outcome_words(alert.evidence) if alert.evidence else alert.state
