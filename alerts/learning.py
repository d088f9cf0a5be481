"""Learning: keep the baselines of every rule up to the closed hour, and give readings of what is seen.

An hour is learned once the window has passed over it, so that a baseline never rests on what it has to judge, and
not at all while its alert fires or for the hours in which it did. An alert that fires longer than the rule's half-life
is learned again: then it is no spike but how things are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import structlog

from alerts.baseline import EPOCH, HOUR, Baselines, Hourly, Skip, window_hours
from alerts.baseline_state import NEVER_SEEN
from alerts.detection import METHODS
from alerts.lifecycle import FIRING
from alerts.rules import Reading
from monitor.domain import Alert, Counts, SeriesKey
from monitor.ports import AlertStore, BaselineState
from monitor.settings import Rule

log = structlog.get_logger(__name__)

LONGEST_HISTORY = timedelta(days=400)  #: Older hours weigh nothing any more, and one stray date must not cost minutes.


def learnable_until(rule: Rule, at: datetime) -> datetime:
    """The end of the last hour that lies wholly before the window of `rule` at `at`."""
    return EPOCH + ((at - EPOCH) // HOUR - window_hours(rule.window)) * HOUR


class Learning:
    """The baselines of every rule; read from the store once, then kept in memory."""

    def __init__(self, store: AlertStore, followed: Mapping[str, frozenset[SeriesKey]], rules: Sequence[Rule]) -> None:
        self._store = store
        self._rules = rules
        self._followed = followed
        self._recipes = {rule.name: _recipe(rule, followed[rule.name]) for rule in rules}
        self._books = self._load()

    def learn(self, at: datetime, alerts: Mapping[tuple[str, SeriesKey], Alert]) -> list[BaselineState]:
        """Learn every hour that may be learned at `at`; returns the states that changed, to be stored."""
        changed: list[BaselineState] = []
        for rule in self._rules:
            until = learnable_until(rule, at)
            book = self._books.get(rule.name) or self._begin(rule, until)
            if book is None or book.learned_until >= until:
                continue
            counts = self._history(rule, book.learned_until, until)
            book.learn(counts, until=until, skip=_skip(rule, alerts, at))
            changed.extend(self._dump(rule.name, book))
            log.debug("baseline_learned", rule=rule.name, series=len(counts), until=until.isoformat())
        return changed

    def read(
        self,
        rule: Rule,
        counts: Mapping[SeriesKey, Counts],
        keys: Sequence[SeriesKey],
        *,
        start: datetime,
        end: datetime,
    ) -> dict[SeriesKey, Reading]:
        """What was seen of each of `keys` in the window, against what was expected."""
        book = self._books.get(rule.name) or self._begin(rule, start)
        if book is None or not keys:
            return {}
        nothing = Counts()
        found = [counts.get(key, nothing) for key in keys]
        seen = np.array([count.negative for count in found], dtype=np.float64)
        expected, dispersion = book.expected(keys, start, end), book.dispersion(keys)
        p_values = METHODS["negative-binomial"](seen, expected, dispersion).tolist()
        columns = zip(keys, found, expected.tolist(), dispersion.tolist(), p_values, book.history(keys), strict=True)
        return {
            key: Reading(
                seen=count.negative,
                stories=count.stories,
                expected=mean,
                dispersion=spread,
                p_value=p,
                history=span,
                held_back=count.held_back,
            )
            for key, count, mean, spread, p, span in columns
        }

    def _load(self) -> dict[str, Baselines]:
        stored: dict[str, dict[SeriesKey, Mapping[str, object]]] = {}
        for state in self._store.baselines():
            stored.setdefault(state.rule, {})[state.series] = state.state
        return {rule.name: book for rule in self._rules if (book := self._restored(rule, stored.get(rule.name, {})))}

    def _restored(self, rule: Rule, states: Mapping[SeriesKey, Mapping[str, object]]) -> Baselines | None:
        """What was learned under the same recipe; another one is learned anew from the history."""
        if states.get(NEVER_SEEN, {}).get("recipe") != self._recipes[rule.name]:
            return None
        book = _blank(rule, EPOCH)
        try:
            book.load(states)
        except ValueError as err:
            log.warning("baseline_discarded", rule=rule.name, reason=str(err))
            return None
        return book

    def _begin(self, rule: Rule, until: datetime) -> Baselines | None:
        first = self._store.first_bucket_at()
        if first is None:
            return None
        self._books[rule.name] = _blank(rule, max(first, until - LONGEST_HISTORY))
        return self._books[rule.name]

    def _history(self, rule: Rule, start: datetime, end: datetime) -> Hourly:
        followed = self._followed[rule.name]
        return {key: hours for key, hours in self._store.hourly_negatives(start, end).items() if key in followed}

    def _dump(self, rule: str, book: Baselines) -> list[BaselineState]:
        recipe = {"recipe": self._recipes[rule]}
        return [
            BaselineState(
                rule=rule, series=key, learned_until=until, state={**state, **(recipe if key == NEVER_SEEN else {})}
            )
            for key, (until, state) in book.dump().items()
        ]


def _blank(rule: Rule, since: datetime) -> Baselines:
    return Baselines(half_life=rule.baseline.half_life, window=rule.window, since=since)


def _recipe(rule: Rule, followed: frozenset[SeriesKey]) -> str:
    """A digest of what a baseline depends on beside the counts."""
    series = sorted((key.entity, key.topic, key.source_class) for key in followed)
    return hashlib.sha256(repr((rule.baseline.half_life, rule.window, series)).encode()).hexdigest()[:16]


def _skip(rule: Rule, alerts: Mapping[tuple[str, SeriesKey], Alert], at: datetime) -> Skip:
    longest = rule.baseline.half_life

    def skip(key: SeriesKey, hour_at: datetime) -> bool:
        alert = alerts.get((rule.name, key))
        if alert is None or alert.fired_at is None or hour_at >= alert.fired_at + longest:
            return False
        if alert.state in FIRING and at < alert.fired_at + longest:
            return True
        began_at, ended_at = alert.active_at or alert.fired_at, alert.last_true_at or alert.fired_at
        return hour_at <= ended_at and hour_at + HOUR > began_at

    return skip
