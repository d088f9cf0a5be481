"""Watches the demonstration from outside: metrics, the database, and what the receivers got."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.app.monitor import Monitor
from monitor.demo.play import DemoClock, Player
from monitor.demo.receivers import SmtpReceiver, WebhookReceiver
from monitor.demo.screen import Moment, Screen
from monitor.demo.stream import companies, wave_ticker
from monitor.domain import AlertState, SeriesKey, Transition
from monitor.errors import TransientError

WINDOW = timedelta(hours=1)
LOOK_EVERY_S = 0.25
GRACE_S = 20.0  #: After the last item: how long the alert may still take to resolve.

COUNTS = {
    "published": ("tapewatch_ingest_documents_total", "published"),
    "labeled": ("tapewatch_classify_documents_total", "labeled"),
    "counted": ("tapewatch_aggregate_documents_total", "counted"),
    "stories": ("tapewatch_aggregate_stories_total", None),
}


class Watch:
    """Looks every moment, shows what is new, and knows when the story is over."""

    def __init__(
        self,
        monitor: Monitor,
        screen: Screen,
        *,
        clock: DemoClock,
        receivers: tuple[SmtpReceiver, WebhookReceiver],
        history: int,
    ) -> None:
        self._monitor = monitor
        self._screen = screen
        self._clock = clock
        self._mail, self._hook = receivers
        self._history = history
        self._shown = 0  # transitions told so far
        self._mails = self._hooks = 0
        self._ended_s: float | None = None

    @property
    def complete(self) -> bool:
        """The alert on the right company has fired and resolved, and both receivers were told of both."""
        return all(self.steps().values())

    def steps(self) -> dict[str, bool]:
        """What has to happen, in order."""
        mails = [str(mail.message["Subject"]) for mail in self._mail.mails]
        hooks = [hook.json["status"] for hook in self._hook.hooks if hook.verified]
        fired = [t for t in self._transitions() if t.series.entity == wave_ticker()]
        return {
            "the alert fired": any(t.after is AlertState.FIRING for t in fired),
            "the e-mail came": any("FIRING" in subject for subject in mails),
            "the signed webhook came": "firing" in hooks,
            "the alert was resolved": any(t.after is AlertState.RESOLVED for t in fired),
            "both said so": any("RESOLVED" in subject for subject in mails) and "resolved" in hooks,
        }

    @property
    def history_counted(self) -> bool:
        """Everything of the calm days is in the buckets."""
        return self._count("counted") >= self._history

    def late(self, player: Player) -> bool:
        """The last item is out, and the story did not end in time."""
        if player.done and self._ended_s is None:
            self._ended_s = time.monotonic()
        return self._ended_s is not None and time.monotonic() - self._ended_s > GRACE_S

    def until(self, condition: Callable[[], bool], *, deadline_s: float) -> None:
        """Look until `condition` holds; raises `TransientError` past `deadline_s` or when the monitor gave up."""
        while not condition():
            if self._monitor.failed or time.monotonic() > deadline_s:
                raise TransientError(f"the demonstration stopped: {self._monitor.failed or 'it took too long'}")
            self.look()
            time.sleep(LOOK_EVERY_S)
        self.look()

    def look(self) -> None:
        """Show the present, and tell what is new."""
        at = self._clock()
        self._tell_transitions(at)
        self._tell_deliveries(at)
        self._screen.show(self._moment(at))

    def _transitions(self) -> list[Transition]:
        return list(reversed(self._monitor.workshop.store.transitions(limit=1000)))

    def _tell_transitions(self, at: datetime) -> None:
        happened = self._transitions()
        alerts = {alert.fingerprint: alert for alert in self._monitor.workshop.store.alerts()}
        for transition in happened[self._shown :]:
            after, entity = transition.after.value, transition.series.entity
            self._screen.event(at, f"{transition.rule} on {entity}: {transition.before.value} -> {after}")
            if transition.after is AlertState.FIRING and transition.fingerprint in alerts:
                self._screen.evidence(alerts[transition.fingerprint])
        self._shown = len(happened)

    def _tell_deliveries(self, at: datetime) -> None:
        for mail in self._mail.mails[self._mails :]:
            self._screen.event(at, f"e-mail received: {str(mail.message['Subject']).strip()}")
        for hook in self._hook.hooks[self._hooks :]:
            signature = "signature verified" if hook.verified else "SIGNATURE WRONG"
            self._screen.event(at, f"webhook received: {hook.json['status']}, {signature}")
        self._mails, self._hooks = len(self._mail.mails), len(self._hook.hooks)

    def _moment(self, at: datetime) -> Moment:
        sums = self._monitor.workshop.store.window_counts(at - WINDOW, at)
        rows = []
        for company in companies():
            counts = sums.get(SeriesKey(entity=company.ticker))
            if counts is not None:
                rows.append((company.ticker, counts.stories, counts.negative))
        alerts = [a for a in self._monitor.workshop.store.alerts() if a.series.entity == wave_ticker()]
        return Moment(
            at=at,
            phase="live" if self.history_counted else "reading the last days",
            counts={name: self._count(name) for name in COUNTS},
            entities=sorted(rows, key=lambda row: (-row[2], -row[1])),
            alert=alerts[0] if alerts else None,
        )

    def _count(self, name: str) -> int:
        metric, outcome = COUNTS[name]
        found = 0.0
        for family in self._monitor.registry.collect():
            for sample in family.samples:
                if sample.name == metric and (outcome is None or sample.labels.get("outcome") == outcome):
                    found += sample.value
        return int(found)
