"""Explanations as values and in words: what was seen, which gate stood in the way and how far, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.messages.evidence_words import gate_lines, horizon_lines, outcome_words, state_words, strength_words
from alerts.messages.headlines import Headline, decisive_words, headline_of
from alerts.messages.words import held_back_words, instant_words, percent_words, ratio_words, span_words, stories_words
from monitor.domain import AlertState, Evidence, Measure, SeriesKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One rule, one series, one instant."""

    rule: str
    series: SeriesKey
    at: datetime  #: UTC.
    evidence: Evidence  #: As an evaluation takes it, with every gate.
    counts_suffice: bool  #: The counts alone would let the rule fire.
    missing: int | None  #: Negative stories more with which they would; None where no number of them would, or they do.
    state: AlertState  #: Of the alert at that instant.
    since_at: datetime | None  #: UTC; when it came into that state; None where it was never in another.
    reason: str  #: Why it is in that state, where the counts do not say so.
    hold: timedelta  #: How long the condition must hold (`for`).
    silenced: bool  #: A silence kept it from being notified.
    fired: Sequence[tuple[datetime, datetime]]  #: When it fired in the weeks before, UTC.
    uncounted_since: datetime | None = None  #: UTC; what came onto the bus since may be missing; None: nothing is.

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the gates that did not pass."""
        return tuple(name for name, gate in self.evidence.gates.items() if not gate.passed)

    @property
    def met(self) -> bool:
        """Whether everything that the rule asks for was so."""
        return self.counts_suffice and not self.failed


def verdict_words(explanation: Explanation) -> str:
    """What came of it and why, in a sentence or two."""
    return " ".join(filter(None, (_state(explanation), *_why(explanation), *_missing(explanation))))


def explanation_lines(explanation: Explanation, *, about: str) -> Iterator[str]:
    """The explanation as lines of text for a terminal; strangers' text is cleaned."""
    evidence = explanation.evidence
    window = span_words(evidence.window_end_at - evidence.window_start_at)
    headlines = [headline_of(document) for document in evidence.documents]
    yield f"{about}, rule {explanation.rule}, {instant_words(explanation.at)}"
    yield ""
    yield f"  {verdict_words(explanation)}"
    yield ""
    yield f"  In {window}: {outcome_words(evidence)}: {ratio_words(evidence.ratio)}; {strength_words(evidence)}."
    yield from (f"  {line}" for line in _remarks(evidence, headlines))
    yield from _numbers(evidence)
    yield from _stories(headlines)
    yield from _episodes(explanation)


def _state(explanation: Explanation) -> str:
    since = f" since {instant_words(explanation.since_at)}" if explanation.since_at else ""
    if explanation.state in (AlertState.FIRING, AlertState.RECOVERING):
        quiet = ", but a silence kept it from being notified" if explanation.silenced else ""
        return f"The alert was firing{since}{quiet}."
    if explanation.state is AlertState.NORMAL:
        return "There was no alert."
    why = f": {explanation.reason}" if explanation.reason else ""
    return f"The alert was {state_words(explanation.state)}{since}{why}."


def _why(explanation: Explanation) -> Iterator[str]:
    if explanation.met:
        yield from _unused(explanation)
        return
    lines = [line for line in gate_lines(explanation.evidence.gates) if not line.passed]
    if lines:
        yield f"Not met: {'; '.join(f'{line.name}, {line.words}' for line in lines)}."
    elif not explanation.counts_suffice:
        yield "Every gate passed, but the series does not stand out among the others of the rule."
    if explanation.evidence.measure is not Measure.DROP:  # which fires at few
        yield from _distance(explanation)


def _missing(explanation: Explanation) -> Iterator[str]:
    if explanation.uncounted_since is not None:
        since = instant_words(explanation.uncounted_since)
        yield f"What came onto the bus since {since} is not counted yet: the rule waits for it, and this may change."


def _unused(explanation: Explanation) -> Iterator[str]:
    """Why a condition that was met made no alert."""
    if explanation.state in (AlertState.NORMAL, AlertState.RESOLVED):
        yield "Everything that the rule asks for was so at this minute, but no evaluation has acted on it."
    elif explanation.state is AlertState.PENDING:
        yield f"Everything that the rule asks for was so; it must hold for {span_words(explanation.hold)}."


def _distance(explanation: Explanation) -> Iterator[str]:
    """How far it was from firing."""
    if explanation.missing:
        yield f"{stories_words(explanation.missing, 'more negative')} at this minute would have met what counts decide."
    elif not explanation.counts_suffice and explanation.missing is None:
        yield "No number of negative stories at this minute would have made it fire."


def _remarks(evidence: Evidence, headlines: Sequence[Headline]) -> Iterator[str]:
    if hangs_on := decisive_words(headlines, single_story=evidence.single_story):
        yield hangs_on
    if evidence.held_back:
        yield f"Not in it: {held_back_words(evidence.held_back)}."
    if evidence.coverage is not None:
        yield f"{percent_words(evidence.coverage)} of the sources were looked at."
    yield f"The baseline rests on {span_words(timedelta(seconds=evidence.history_s))} of history."


def _numbers(evidence: Evidence) -> Iterator[str]:
    yield from ("", "  Windows")
    for line in horizon_lines(evidence):
        spoke = " (spoke)" if line.spoke else ""
        yield (
            f"  - {line.window}, {line.measure}: {line.seen} seen, {line.expected} expected, "
            f"dispersion {line.dispersion}, p {line.p_value}{spoke}"
        )
    if evidence.q_value is not None and "q_value" not in evidence.gates:
        yield f"  - q {evidence.q_value:.2g}: of what stands out as far at once, the share that does so by chance"
    yield from ("", "  Gates")
    for gate in gate_lines(evidence.gates):
        yield f"  - {'passed' if gate.passed else 'FAILED'}  {gate.name}: {gate.words}"


def _stories(headlines: Sequence[Headline]) -> Iterator[str]:
    if headlines:
        yield from ("", "  Top stories")
    for story in headlines:
        yield f"  - {story.title}"
        facts = (
            instant_words(story.published_at), story.source, story.author, f"{percent_words(story.negative)} negative",
            story.part, story.spread, story.standing, "decisive" if story.decisive else "",
        )  # fmt: skip
        yield f"    {', '.join(filter(None, facts))}"
        if story.url:
            yield f"    {story.url}"


def _episodes(explanation: Explanation) -> Iterator[str]:
    if explanation.fired:
        yield from ("", "  Fired before")
    for start, end in explanation.fired:
        yield f"  - {instant_words(start)}, {span_words(end - start)}"
