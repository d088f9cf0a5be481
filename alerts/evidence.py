"""Evidence: what an evaluation saw of one series, with the gates that need documents and the stories behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts.counted import Content, Counted
from alerts.detector import Detector
from alerts.grid import CountGrid
from alerts.readings import Reading
from monitor.domain import Evidence, EvidenceDocument, GateReading, Measure, SeriesKey
from monitor.ports import AlertStore, NegativeVoices
from monitor.settings import Rule

HOUR = timedelta(hours=1)

CoverageOf = Callable[[datetime, datetime, str], float | None]
"""The share of the sources of a class, or of `all`, that was looked at in a span; None where none is known."""


def coverage_span(rule: Rule) -> timedelta:
    """How far back it is asked whether sources were looked at: a shorter span says nothing of a source asked hourly."""
    return max(HOUR, min(rule.windows))


def story_share(told: int, documents: int, reading: Reading) -> float:
    """The share of the excess that a story makes which `told` of the `documents` of the window tell, in [0, 1].

    What was expected is taken to be made of other stories; where nothing was expected it is the share of all.
    """
    part = told / documents if documents else 0.0
    excess = (reading.seen - reading.expected) / reading.seen if reading.seen else 0.0
    return min(1.0, part / excess) if excess > 0.0 else min(1.0, part)


@dataclass(frozen=True, slots=True)
class Look:
    """One series of one rule at one evaluation, as far as the counts go."""

    rule: Rule
    key: SeriesKey
    end: datetime  #: Of every window.
    reading: Reading
    detector: Detector
    grid: CountGrid

    @property
    def start(self) -> datetime:
        """Of the window that spoke."""
        return self.end - self.reading.window


@dataclass(slots=True)
class Witness:
    """Asks the store for what the counts do not say, and makes evidence of both."""

    store: AlertStore
    counted: Counted
    limit: int  #: Stories shown.
    coverage: CoverageOf | None = None
    _covered: dict[tuple[datetime, datetime, str], float | None] = field(default_factory=dict)  # of the latest end
    _voices: dict[tuple[SeriesKey, timedelta], tuple[Content, NegativeVoices]] = field(default_factory=dict)

    def voices(self, look: Look) -> NegativeVoices:
        """Who tells the negative stories of the window that spoke; asked anew only where its content is another."""
        place = look.key, look.reading.window
        content = self.counted.content(look.key, look.start, look.end)
        if place not in self._voices or self._voices[place][0] != content:
            self._voices[place] = content, self.store.negative_voices(look.key, look.start, look.end)
        return self._voices[place][1]

    def covered(self, rule: Rule, key: SeriesKey, end: datetime) -> float | None:
        """The share of the sources of `key` that was looked at lately; asked once for all series of a tick."""
        if self.coverage is None or rule.gates.min_coverage == 0.0:
            return None
        asked = (end - coverage_span(rule), end, key.source_class)
        if asked not in self._covered:
            self._covered = {known: share for known, share in self._covered.items() if known[1] == end}
            self._covered[asked] = self.coverage(*asked)
        return self._covered[asked]

    def gates(self, look: Look) -> dict[str, GateReading]:
        """Every gate by name; those on documents where the alert is about negative stories that are there."""
        found = dict(look.reading.gates)
        if look.reading.measure is not Measure.DROP:
            voices, gates = self.voices(look), look.rule.gates
            least, most = gates.min_sources, gates.max_story_share
            found["min_sources"] = GateReading(passed=voices.sources >= least, value=voices.sources, limit=least)
            share = story_share(voices.loudest, voices.documents, look.reading)
            found["max_story_share"] = GateReading(
                passed=share <= most or gates.single_story == "mark", value=share, limit=most
            )
        return found

    def is_single_story(self, look: Look) -> bool:
        """Whether one story makes most of the excess."""
        if look.reading.measure is Measure.DROP:
            return False
        voices = self.voices(look)
        return story_share(voices.loudest, voices.documents, look.reading) > look.rule.gates.max_story_share

    def take(self, look: Look, *, coverage: float | None, full: bool, known: Collection[str] | None = None) -> Evidence:
        """What was seen; `full` with the top stories. `known` are those that were decisive when it began to fire."""
        reading, least = look.reading, look.rule.gates.min_coverage
        gates = self.gates(look) if full else dict(reading.gates)
        gates["min_coverage"] = GateReading(passed=coverage is None or coverage >= least, value=coverage, limit=least)
        return Evidence(
            window_start_at=look.start, window_end_at=look.end, seen=reading.seen, expected=reading.expected,
            dispersion=reading.dispersion, p_value=reading.p_value, ratio=reading.ratio,
            sources=self.voices(look).sources if full and reading.measure is not Measure.DROP else 0,
            stories=reading.stories, gates=gates, documents=self._documents(look, known) if full else (),
            history_s=reading.history.total_seconds(), held_back=reading.held_back, method=look.rule.method,
            measure=reading.measure, horizons=reading.horizons, q_value=reading.q_value,
            false_alarms=reading.false_alarms, coverage=coverage, single_story=full and self.is_single_story(look),
        )  # fmt: skip

    def _documents(self, look: Look, known: Collection[str] | None) -> tuple[EvidenceDocument, ...]:
        if look.reading.measure is Measure.DROP:
            return ()
        documents = self.store.negative_documents(look.key, look.start, look.end, limit=self.limit)
        decisive = _decisive(look, documents) if known is None else known
        total = self.voices(look).documents
        return tuple(
            replace(
                document,
                share=story_share(document.told, total, look.reading),
                decisive=document.story_id in decisive,
            )
            for document in documents
        )


def _decisive(look: Look, documents: Sequence[EvidenceDocument]) -> set[str]:
    """The stories of `documents` without which the rule would not fire."""
    if not look.detector.fires(look.grid, look.key, look.end):
        return set()  # it goes on by what it takes to go on
    instants = {document.published_at for document in documents}
    needed = {at for at in instants if not look.detector.fires(look.grid.without(look.key, at), look.key, look.end)}
    return {document.story_id for document in documents if document.published_at in needed}
