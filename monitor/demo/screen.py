"""What the demonstration shows: a live screen on a terminal, a line an event elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from monitor.console import Output
from monitor.domain import Alert, Evidence

QUIET_S = 10.0  #: Without a terminal: how often the counts are written.
KEPT_EVENTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is on the screen."""

    at: datetime  #: The demonstration's time.
    phase: str
    counts: dict[str, int]
    entities: Sequence[tuple[str, int, int]]  #: Ticker, stories and negative stories of the last hour; most first.
    alert: Alert | None


@dataclass(slots=True)
class Screen:
    """Shows moments and events; in a pipe, JSON lines when asked for, plain lines otherwise."""

    output: Output
    as_json: bool
    _events: list[str] = field(default_factory=list)
    _live: Live | None = None
    _written_s: float = 0.0

    def __enter__(self) -> Self:
        if sys.stdout.isatty() and not self.as_json:
            self._live = Live(console=Console(), refresh_per_second=4)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, err, trace)

    def event(self, at: datetime, text: str, **facts: object) -> None:
        """Something happened."""
        if self.as_json:
            self.output.line({"at": at, "event": text, **facts})
            return
        self._events = [*self._events[1 - KEPT_EVENTS :], f"{at:%a %H:%M}  {text}"]
        if self._live is None:
            sys.stdout.write(f"{at:%a %H:%M}  {text}\n")
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """A sentence for people."""
        if not self.as_json:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def end(self, steps: Mapping[str, bool], *, took_s: float, kept: Path | None) -> None:
        """What was to happen, and whether it did."""
        if self.as_json:
            self.output.line({"event": "end", "steps": dict(steps), "took_s": round(took_s, 1)})
            return
        told = ", ".join(f"{step}: {'yes' if done else 'NO'}" for step, done in steps.items())
        self.note(f"After {took_s:.0f} s: {told}.")
        if kept is not None:
            self.note(
                f"Its files are in {kept}; look further with: tapewatch alerts history --config {kept}/tapewatch.yaml"
            )

    def show(self, moment: Moment) -> None:
        """Show `moment`; without a terminal, every few seconds one line."""
        if self._live:
            self._live.update(_drawn(moment, self._events))
        elif time.monotonic() - self._written_s >= QUIET_S:
            self._written_s = time.monotonic()
            counts = ", ".join(f"{value} {name}" for name, value in moment.counts.items())
            self.event(moment.at, f"{moment.phase}: {counts}", **moment.counts)

    def evidence(self, alert: Alert) -> None:
        """Show why an alert fires, once and whole."""
        found = alert.evidence
        if found is None or self._live or self.as_json:
            return
        for line in evidence_lines(found):
            sys.stdout.write(f"           {line}\n")
        sys.stdout.flush()


def evidence_lines(found: Evidence) -> list[str]:
    """Seen against expected, the gates, and the headlines."""
    gates = ", ".join(f"{name} {'ok' if gate.passed else 'not met'}" for name, gate in found.gates.items())
    head = f"{found.seen} negative stories in the window, {found.expected:.2f} expected (p = {found.p_value:.1g})"
    lines = [head, f"{found.sources} sources; gates: {gates}"]
    for shown in found.documents:
        copies = f", {shown.reach} copies" if shown.reach > 1 else ""
        lines.append(f"{shown.negative:4.0%}  {shown.title[:90]}  ({shown.source}{copies})")
    return lines


def _drawn(moment: Moment, events: Sequence[str]) -> RenderableType:
    counts = Table.grid(padding=(0, 3))
    counts.add_row(*(Text(name, style="dim") for name in moment.counts))
    counts.add_row(*(Text(str(value), style="bold") for value in moment.counts.values()))
    entities = Table("entity", "stories", "negative", "", title="last hour", title_justify="left", expand=False)
    for ticker, stories, negative in moment.entities[:6]:
        entities.add_row(ticker, str(stories), str(negative), Text("█" * negative, style="red"))
    shown: list[RenderableType] = [Panel(counts, title=f"{moment.at:%a %H:%M}  {moment.phase}"), entities]
    if moment.alert is not None and moment.alert.evidence is not None:
        state = moment.alert.state.value
        body = Text("\n".join(evidence_lines(moment.alert.evidence)))
        style = "red" if state in ("firing", "recovering") else "green"
        shown.append(Panel(body, title=f"{moment.alert.rule} on {moment.alert.series.entity}: {state}", style=style))
    shown.append(Text("\n".join(events), style="dim"))
    return Group(*shown)
