"""`tapewatch rules tune`: sensitivities of methods on history, to choose from; honest about what they were tuned on.

Every setting is a rule of its own, and all of them are evaluated in one pass over what was counted once. Settings are
compared on the events before `choose_until`; how each does after it, on what nobody looked at, stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alerts.replays.curve import Curve, draw_curves
from alerts.replays.events import read_events
from alerts.replays.scoring import Score, scores
from monitor.app.replay_history import History, Request, counted_history
from monitor.app.replay_words import share_words
from monitor.app.replaying import Judge, Judging, evaluate, judge_over, progress
from monitor.console import Output
from monitor.domain import Alert
from monitor.errors import ConfigurationError
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings, Rule, Settings
from monitor.settings.alert_rules import COMPARISONS
from monitor.settings.rules import with_rules, with_rules_of

RATES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  #: False alerts a week that are asked for.
SENSITIVITIES: Mapping[str, Sequence[float]] = {
    "mean-sigma": (3, 4, 5, 6, 8, 10),
    "ewma": (3, 4, 5, 6, 8, 10),
    "ratio": (2, 3, 5, 8, 12, 20),
    "threshold": (3, 5, 8, 12, 20, 30),
}
METHODS = ("spike", "negative-binomial", "share", "drift", *SENSITIVITIES)
COLUMNS = ("method", "setting", "recall", "false_a_week", "recall_after", "false_a_week_after", "chosen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What is tried, and on what it is chosen."""

    rules: Path | None = None  #: A rules file in place of the rules of the configuration.
    rule: str | None = None  #: The rule whose other settings are kept; left out: the first.
    methods: Sequence[str] = ()  #: None: that of the rule.
    settings: Sequence[float] = ()  #: None: a usual range.
    choose_until: datetime | None = None  #: UTC; left out: after two thirds of the history.
    most_false: float = 1.0  #: False alerts a week that the choice may have.
    picture: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One setting and its two scores."""

    method: str
    setting: float
    before: Score
    after: Score


def run_tuning(settings: Settings, request: Request, tuning: Tuning, judging: Judging, output: Output) -> None:
    """Try every setting, show how each did before and after the split, and name the best that may be had."""
    configure_logging(LoggingSettings(level="warning"))
    if judging.events is None:
        raise ConfigurationError("rules tune needs --labels: events that a good rule finds")
    base = _base(settings if tuning.rules is None else with_rules(settings, tuning.rules), tuning.rule)
    variants = _variants(base, tuning)
    rules = [_dumped(base, name, method, setting) for name, (method, setting) in variants.items()]
    tried = with_rules_of(settings, rules, origin="rules tune")
    events = read_events(judging.events)
    with progress() as show, counted_history(settings, request, show.counted) as history:
        judge = judge_over(history, events, judging)
        split = _split(history, tuning)
        run = evaluate(history, tried, show)
    found = [
        _scored(method, setting, [alert for alert in run.fired if alert.rule == name], judge, split, rule=name)
        for name, (method, setting) in variants.items()
    ]
    _show(found, _chosen(found, tuning.most_false), split, judge, output)
    if tuning.picture is not None:
        tuning.picture.write_bytes(draw_curves(_curves(found)))


def _base(settings: Settings, name: str | None) -> Rule:
    rules = {rule.name: rule for rule in settings.alerting.rules}
    if not rules:
        raise ConfigurationError("there is no rule to tune; write one, or give --rules a file with one")
    if name is not None and name not in rules:
        raise ConfigurationError(f"--rule {name}: no such rule; there is {', '.join(rules)}")
    return rules[name] if name is not None else next(iter(rules.values()))


def _variants(base: Rule, tuning: Tuning) -> dict[str, tuple[str, float]]:
    """By the name of a rule, its method and setting."""
    methods = tuning.methods or (base.method,)
    return {
        f"{method}-{number}": (method, setting)
        for method in methods
        for number, setting in enumerate(tuning.settings or SENSITIVITIES.get(method, RATES))
    }


def _dumped(base: Rule, name: str, method: str, setting: float) -> dict[str, Any]:
    """`base` with another method and setting, as YAML has it."""
    raw = base.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for key in ("at_most", "max_p_value", "sensitivity"):
        raw.pop(key, None)
    what = {"sensitivity": setting} if method in COMPARISONS else {"at_most": setting}
    return {**raw, "name": name, "method": method, **what}


def _split(history: History, tuning: Tuning) -> datetime:
    split = tuning.choose_until or history.first_at + (history.last_at - history.first_at) * 2 / 3
    if not history.first_at < split < history.last_at:
        raise ConfigurationError(
            f"--choose-until {split:%Y-%m-%d} lies outside of the history, {history.first_at:%Y-%m-%d} to "
            f"{history.last_at:%Y-%m-%d}; both sides of it need documents"
        )
    return split


def _scored(method: str, setting: float, fired: Sequence[Alert], judge: Judge, split: datetime, *, rule: str) -> Tried:
    halves = [
        scores(fired, judge.events or (), rules=[rule], since=since, until=until, margins=judge.margins)[0]
        for since, until in ((judge.since, split), (split, judge.until))
    ]
    return Tried(method=method, setting=setting, before=halves[0], after=halves[1])


def _chosen(found: Sequence[Tried], most_false: float) -> Mapping[str, Tried]:
    """Of each method the setting that finds most among those with few enough false alerts, before the split alone."""
    best: dict[str, Tried] = {}
    for each in found:
        if each.before.false_a_week <= most_false:
            held = best.get(each.method)
            if held is None or _worth(each) > _worth(held):
                best[each.method] = each
    return best


def _worth(tried: Tried) -> tuple[float, float]:
    return tried.before.found, -tried.before.false_a_week


def _show(found: Sequence[Tried], chosen: Mapping[str, Tried], split: datetime, judge: Judge, output: Output) -> None:
    output.rows(
        [_row(each, chosen=chosen.get(each.method) is each, as_json=output.as_json) for each in found],
        title=f"before {split:%Y-%m-%d} to choose by, after it to check",
        columns=COLUMNS,
        empty="Nothing was tried.",
    )
    output.warn(
        f"these settings are chosen on {judge.since:%Y-%m-%d} to {split:%Y-%m-%d}: there they look better than they "
        f"are; expect what stands for {split:%Y-%m-%d} to {judge.until:%Y-%m-%d}, which is fair only once"
    )


def _row(tried: Tried, *, chosen: bool, as_json: bool) -> dict[str, object]:
    before, after = tried.before, tried.after
    if as_json:
        return {
            "method": tried.method, "setting": tried.setting, "chosen": chosen,
            **{f"{name}_{half}": getattr(score, name) for half, score in (("before", before), ("after", after))
               for name in ("alerts", "true", "false", "found", "events", "false_a_week")},
        }  # fmt: skip
    asked = f"{tried.setting:g}" if tried.method in COMPARISONS else f"at most {tried.setting:g} per week"
    return {
        "method": tried.method,
        "setting": asked,
        "recall": f"{before.found} of {before.events}, {share_words(before.recall)}",
        "false_a_week": f"{before.false_a_week:.2f}",
        "recall_after": f"{after.found} of {after.events}, {share_words(after.recall)}",
        "false_a_week_after": f"{after.false_a_week:.2f}",
        "chosen": "<-" if chosen else "",
    }


def _curves(found: Sequence[Tried]) -> list[Curve]:
    """One curve a method: recall over false alerts a week, before and after the split."""
    by_method: dict[str, list[Tried]] = {}
    for each in found:
        by_method.setdefault(each.method, []).append(each)
    return [
        Curve(
            name=method,
            chosen_on=tuple((t.before.false_a_week, _recall(t.before)) for t in tried),
            after=tuple((t.after.false_a_week, _recall(t.after)) for t in tried),
        )
        for method, tried in by_method.items()
    ]


def _recall(score: Score) -> float:
    return score.found / score.events if score.events else 0.0
