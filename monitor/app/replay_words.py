"""What a replay shows: every alert, a score for each rule, and two sets of rules side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan

from alerts.replays.events import Event
from alerts.replays.rerun import Rerun
from alerts.replays.scoring import Judged, Score, Share
from monitor.app.replay_history import History
from monitor.console import Output
from monitor.domain import AlertState, Transition
from monitor.durations import rough_duration

ALERT_COLUMNS = ("fired_at", "rule", "entity", "seen", "expected", "p_value", "true", "top_headline")
SCORE_COLUMNS = ("rule", "alerts", "true", "false", "missed", "precision", "recall", "lead", "behind", "false_a_week")
UNJUDGED_COLUMNS = ("rule", "alerts", "alerts_a_week")

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One set of rules and what came of it."""

    name: str  #: Of the file, or `configuration`.
    run: Rerun
    scores: Sequence[Score]
    is_judged: bool  #: There were events to hold the alerts against.


def show_run(runs: Sequence[Shown], history: History, output: Output) -> None:
    """Write alerts, scores and, of two sets, how they differ."""
    span = f"{history.first_at:%Y-%m-%d} to {history.last_at:%Y-%m-%d}"
    for shown in runs:
        _show_alerts(shown, history, span, output, is_named=len(runs) > 1)
    for shown in runs:
        _show_scores(shown, output, is_named=len(runs) > 1)
    if len(runs) > 1:
        _show_differences(runs[0], runs[1], output)


def _show_alerts(shown: Shown, history: History, span: str, output: Output, *, is_named: bool) -> None:
    rows = [_alert_row(each, shown) for score in shown.scores for each in score.judged]
    of = f" of {shown.name}" if is_named else ""
    output.rows(
        [{"kind": "alert", **({"rules": shown.name} if is_named else {}), **row} for row in rows],
        title=f"{len(rows)} alerts{of} in {history.documents} documents, {span}",
        columns=[name for name in ALERT_COLUMNS if shown.is_judged or name != "true"],
        empty=f"No alert{of} in {history.documents} documents, {span}.",
    )


def _alert_row(judged: Judged, shown: Shown) -> dict[str, object]:
    alert, evidence = judged.alert, judged.alert.evidence
    about = judged.event or judged.quiet
    return {
        "fired_at": judged.fired_at,
        "resolved_at": _ended(judged, shown.run.transitions),
        "rule": alert.rule,
        "entity": alert.series.entity,
        "topic": alert.series.topic,
        "source_class": alert.series.source_class,
        **({"true": judged.event is not None, "event": about and about.description} if shown.is_judged else {}),
        "seen": evidence and evidence.seen,
        "expected": evidence and evidence.expected,
        "p_value": evidence and evidence.p_value,
        "top_headline": evidence.documents[0].title if evidence and evidence.documents else "",
        "evidence": evidence,
    }


def _ended(judged: Judged, transitions: Sequence[Transition]) -> datetime | None:
    """When the episode was resolved; None where it was not by the end."""
    mine = (t for t in transitions if t.fingerprint == judged.alert.fingerprint and t.at > judged.fired_at)
    return next((t.at for t in mine if t.after is AlertState.RESOLVED), None)


def _show_scores(shown: Shown, output: Output, *, is_named: bool) -> None:
    if output.as_json:
        for score in shown.scores:
            output.line({"kind": "score", **({"rules": shown.name} if is_named else {}), **score_row(score, shown)})
        return
    output.rows(
        [score_words(score) for score in shown.scores],
        title=f"Score of {shown.name}" if is_named else "Score",
        columns=SCORE_COLUMNS if shown.is_judged else UNJUDGED_COLUMNS,
        empty="No rule.",
    )
    missed = [(score.rule, event) for score in shown.scores for event in score.missed]
    for rule, event in missed:
        output.say(f"missed by {rule}: {_of(event)}")
    for score in shown.scores:
        if score.on_quiet:
            output.say(f"{score.rule}: {score.on_quiet} of its false alerts fell into times that are marked quiet")


def score_row(score: Score, shown: Shown) -> dict[str, object]:
    """A score for programs: numbers alone, durations in seconds; without events no claim of truth."""
    row: dict[str, object] = {"rule": score.rule, "alerts": score.alerts}
    if not shown.is_judged:
        return {**row, "alerts_a_week": _number(score.false_a_week)}
    return {
        **row,
        "true": score.true,
        "false": score.false,
        "on_quiet": score.on_quiet,
        "events": score.events,
        "found": score.found,
        "missed": [
            {"entity": event.entity, "start": event.start, "description": event.description} for event in score.missed
        ],
        "precision": _share(score.precision),
        "recall": _share(score.recall),
        "median_lead_s": _seconds(score.lead),
        "median_behind_first_document_s": _seconds(score.behind),
        "false_a_week": _number(score.false_a_week),
    }


def score_words(score: Score) -> dict[str, object]:
    """A score for people."""
    return {
        "rule": score.rule,
        "alerts": score.alerts,
        "true": score.true,
        "false": score.false,
        "missed": f"{len(score.missed)} of {score.events}",
        "precision": share_words(score.precision),
        "recall": share_words(score.recall),
        "lead": _lead(score.lead),
        "behind": "" if score.behind is None else rough_duration(score.behind),
        "false_a_week": f"{score.false_a_week:.2f}",
        "alerts_a_week": f"{score.false_a_week:.2f}",
    }


def share_words(share: Share) -> str:
    """`71 % (53-85)`; a dash where there is nothing to take a share of."""
    if isnan(share.value):
        return "-"
    return f"{share.value:.0%} ({100 * share.low:.0f}-{100 * share.high:.0f})".replace("%", " %", 1)


def _lead(lead: timedelta | None) -> str:
    if lead is None:
        return ""
    return f"{rough_duration(abs(lead))} {'before' if lead > timedelta(0) else 'after'} start"


def _show_differences(one: Shown, two: Shown, output: Output) -> None:
    """Which events each found that the other did not; rules of one name are held against each other."""
    theirs = {score.rule: score for score in two.scores}
    for score in one.scores:
        other = theirs.get(score.rule)
        if other is None:
            continue
        found_by = {one.name: _only(other.missed, score.missed), two.name: _only(score.missed, other.missed)}
        row = {
            "kind": "difference",
            "rule": score.rule,
            "found_only_by": found_by,
            "alerts": {one.name: score.alerts, two.name: other.alerts},
            "false_a_week": {one.name: _number(score.false_a_week), two.name: _number(other.false_a_week)},
        }
        if output.as_json:
            output.line(row)
            continue
        for name, found in found_by.items():
            output.say(f"{score.rule}: only {name} found {'; '.join(found) or 'nothing'}")


def _only(missed_there: Sequence[Event], missed_here: Sequence[Event]) -> list[str]:
    """What is missed there and not here, in words."""
    here = {id(event) for event in missed_here}
    return [_of(event) for event in missed_there if id(event) not in here]


def _of(event: Event) -> str:
    return f"{event.entity} {event.start:%Y-%m-%d %H:%M} {event.description}".rstrip()


def _share(share: Share) -> dict[str, float | None]:
    return {"value": _number(share.value), "low": _number(share.low), "high": _number(share.high)}


def _number(value: float) -> float | None:
    """JSON knows no number that is none."""
    return None if isnan(value) else value


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
