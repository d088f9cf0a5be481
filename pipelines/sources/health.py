"""The health of a source: what is known of it and the present in, a state and its reason out. Pure.

- unknown: nobody has asked it yet.
- dead: it refuses, or no poll went well for three intervals, at least a quarter of an hour.
- failing: the last poll failed, or none went well yet, and the time of the dead is not up.
- silent: polls go well, and nothing has come for much longer than is usual: ten times the median gap between documents
  of the last four weeks, at least six hours. News has nights and weekends, so the same stretch a week earlier must have
  had documents; a source that is not known for a week yet has three days, longer than a weekend. One that has published
  too little to have a usual gap has four weeks, one that has never published a week.
- healthy: none of these.

Gaps are measured in slots of coverage, a quarter of an hour each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from monitor.domain import COVERAGE_SLOT, SourceHealth, SourceHistory
from monitor.durations import rough_duration
from monitor.ports import SourceState

DEAD_INTERVALS = 3
DEAD_AT_LEAST = timedelta(minutes=15)
LOOK_BACK = timedelta(weeks=4)  #: History that the usual gap is measured on; the longest patience.
USUAL_GAPS = 10
SILENT_AT_LEAST = timedelta(hours=6)
MIN_GAPS = 5  #: Fewer have no median worth the name.
WEEK = timedelta(weeks=1)
LONGER_THAN_A_WEEKEND = timedelta(days=3)
BUSY_SLOTS = 5  #: Slots with documents in the same stretch a week earlier, from which on their absence is strange.


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one source."""

    state: SourceState
    history: SourceHistory
    every: timedelta | None  #: How often it is asked; None: documents are sent, so it is never dead.
    may_end: bool = False  #: A file: read to its end, it may rest for good, unless it has grown for a week.


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a source is, and why in words."""

    health: SourceHealth
    reason: str


def judge(known: Known, now: datetime) -> Verdict:
    """The first state in the list above that holds."""
    for ask in (_unknown, _dead, _failing, _silent):
        if verdict := ask(known, now):
            return verdict
    return Verdict(SourceHealth.HEALTHY, _healthy_reason(known, now))


def _unknown(known: Known, now: datetime) -> Verdict | None:
    del now
    state, history = known.state, known.history
    if state.last_success_at or state.failures or history.first_at or history.document_slots:
        return None
    return Verdict(SourceHealth.UNKNOWN, "nobody has asked it yet" if known.every else "nothing was sent yet")


def _dead(known: Known, now: datetime) -> Verdict | None:
    if known.every is None:
        return None
    if known.state.refused:
        return Verdict(SourceHealth.DEAD, f"it refuses: {known.state.last_error or 'no reason given'}")
    good_at = known.state.last_success_at or _end_of(known.history.first_at)
    if good_at is None or now - good_at <= max(DEAD_INTERVALS * known.every, DEAD_AT_LEAST):
        return None
    since = "since the first" if known.state.last_success_at is None else f"for {rough_duration(now - good_at)}"
    return Verdict(SourceHealth.DEAD, f"no poll went well {since}: {_trouble(known.state)}")


def _failing(known: Known, now: datetime) -> Verdict | None:
    del now
    if known.every is None or (known.state.failures == 0 and known.state.last_success_at):
        return None
    return Verdict(SourceHealth.FAILING, _trouble(known.state))


def _silent(known: Known, now: datetime) -> Verdict | None:
    quiet_at = _end_of(known.history.last_document_at or known.history.first_at)
    patience = _patience(known)
    if quiet_at is None or patience is None or now - quiet_at <= patience or _usually_quiet(known, quiet_at, now):
        return None
    kind = "no document" if known.history.document_slots else "never a document, polled"
    length, expected = rough_duration(now - quiet_at), rough_duration(patience)
    return Verdict(SourceHealth.SILENT, f"{kind} for {length}, expected within {expected}")


def _patience(known: Known) -> timedelta | None:
    """How long a source may be without documents before that is strange; None: for ever."""
    slots = known.history.document_slots
    if known.may_end and not (_gaps_known(slots) and slots[-1] - slots[0] >= WEEK):
        return None
    if not slots:
        return WEEK
    if not _gaps_known(slots):
        return LOOK_BACK
    gap = median((after - before).total_seconds() for before, after in pairwise(slots))
    usual = max(USUAL_GAPS * timedelta(seconds=gap), SILENT_AT_LEAST)
    if not _known_for_a_week(known.history, slots[-1]):
        usual = max(usual, LONGER_THAN_A_WEEKEND)
    return min(usual, LOOK_BACK)


def _usually_quiet(known: Known, quiet_at: datetime, now: datetime) -> bool:
    """True when the same stretch a week earlier, as far as it is known, had hardly a document either."""
    if now - quiet_at > WEEK or not _known_for_a_week(known.history, quiet_at):
        return False
    return sum(quiet_at <= slot + WEEK < now for slot in known.history.document_slots) < BUSY_SLOTS


def _gaps_known(slots: tuple[datetime, ...]) -> bool:
    return len(slots) > MIN_GAPS


def _known_for_a_week(history: SourceHistory, at: datetime) -> bool:
    return history.first_at is not None and at - history.first_at >= WEEK


def _end_of(slot: datetime | None) -> datetime | None:
    # Only the slot is known: the benefit of the doubt is the source's.
    return None if slot is None else slot + COVERAGE_SLOT


def _trouble(state: SourceState) -> str:
    if not state.failures:
        return "nobody asks it, or what it gives cannot be published"
    polls = "the last poll" if state.failures == 1 else f"{state.failures} polls in a row"
    return f"{polls} failed: {state.last_error or 'no reason given'}"


def _healthy_reason(known: Known, now: datetime) -> str:
    last = known.history.last_document_at
    if last is None:
        return "no document yet"
    return f"last document within {rough_duration(max(now - last, COVERAGE_SLOT))}"
