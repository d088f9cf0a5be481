"""What people say of alerts and labels: what the command line and the page behind a link ask of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.domain import Alert, Correction, Transition, Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptText:
    """What is kept of a document."""

    text: str  #: Title, or the beginning of the text.
    entities: tuple[str, ...]  #: Tickers of the watched entities that it names, sorted.


class VerdictStore(Protocol):
    """Verdicts and corrections; of each the last word counts."""

    def alerts(self) -> Sequence[Alert]:
        """As in `AlertStore`."""

    def save_verdict(self, verdict: Verdict) -> None:
        """Add, or replace what was said of the same episode before."""

    def verdicts(self) -> Sequence[Verdict]:
        """Every verdict, the latest said first."""

    def verdict_counts(self) -> Mapping[tuple[str, VerdictKind], int]:
        """How many verdicts of each kind each rule has; pairs without any are left out."""

    def firings(self, *, fingerprint: str | None = None) -> Sequence[Transition]:
        """The transitions that began an episode, latest first; of one alert, or of all. Old ones are forgotten."""

    def kept_text(self, document_id: str) -> KeptText | None:
        """What is kept of a document; None when nothing is."""

    def save_correction(self, correction: Correction) -> None:
        """Add, or replace what was said of the same document and entity before."""

    def corrections(self) -> Sequence[Correction]:
        """Every correction, by document and entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeView:
    """One episode of an alert as the page behind a link shows it."""

    rule: str
    about: str  #: Of what it was an alert, in words.
    fired_at: datetime  #: UTC.
    summary: str  #: Seen and expected, in words; empty where they are forgotten.
    verdict: VerdictKind | None  #: What was said of it so far.


class VerdictDesk(Protocol):
    """Where signed links end: whoever holds one may say what its alert was worth.

    Raises `PermanentError` for a link that is not ours, or too old; the message says so to the reader.
    """

    def episode(self, token: str) -> EpisodeView:
        """What the link is about; records nothing, for programs that check mail follow every link."""

    def record(self, token: str, verdict: VerdictKind, *, by: str, note: str) -> EpisodeView:
        """Remember the verdict."""
