"""`tapewatch replay`: what rules would have done on recorded documents, and how good that would have been."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from alerts.evaluate import Evaluator
from alerts.replays.events import Event, read_events
from alerts.replays.kept_states import KeptStates
from alerts.replays.rerun import Listener, Rerun, rerun
from alerts.replays.scoring import Margins, Score, outside, scores, unfollowed
from monitor.app.replay_history import History, Request, counted_history
from monitor.app.replay_pictures import artist
from monitor.app.replay_words import Shown, show_run
from monitor.cache import cache_folder
from monitor.console import Output, as_row, plain
from monitor.domain import TOPICS, ceil_to
from monitor.durations import format_duration
from monitor.errors import ConfigurationError
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings, Settings
from monitor.settings.rules import with_rules
from pipelines.replay import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What alerts are held against."""

    events: Path | None = None
    margins: Margins = field(default_factory=Margins)
    since: datetime | None = None  #: UTC; only what fired or began from here on is judged.
    until: datetime | None = None  #: UTC, exclusive.


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Where results go beside the screen."""

    out: Path | None = None  #: Every transition, a JSON line each.
    pictures: Path | None = None  #: Folder; a PNG for each alert.

    def folder(self, name: str, *, among: int) -> Path | None:
        """For the pictures of the rules of that name; one of its own where there are several."""
        return self.pictures / Path(name).stem if self.pictures and among > 1 else self.pictures


def run_replay(  # noqa: PLR0913 - what the command line offers
    settings: Settings,
    request: Request,
    *,
    rules: Path | None,
    compare: Path | None,
    judging: Judging,
    results: Results,
    output: Output,
) -> None:
    """Count the documents, evaluate the rules on them, hold their alerts against the events, and show all of it."""
    configure_logging(LoggingSettings(level="warning"))
    files = (rules,) if compare is None else (rules, compare)
    tried = [(_name(path), settings if path is None else with_rules(settings, path)) for path in files]
    events = read_events(judging.events) if judging.events is not None else ()
    with progress() as show, counted_history(settings, request, show.counted) as history:
        judge = judge_over(history, events, judging)
        folders = {name: results.folder(name, among=len(tried)) for name, _ in tried}
        runs = [(name, each, evaluate(history, each, show, pictures=folders[name])) for name, each in tried]
        show.close()
        shown = [_shown(name, each, run, judge) for name, each, run in runs]
        _write(results, runs)
    _say_what_is_left_out(history, events, judge, output)
    show_run(shown, history, output)


def request_of(source: Path, *, labels: Path | None, state: Path | None, fresh: bool) -> Request:
    """What is to be counted; labels are kept in the cache where nothing else is said."""
    return Request(source=source, labels=labels or cache_folder() / "labels", state=state, fresh=fresh)


def _name(path: Path | None) -> str:
    return "configuration" if path is None else path.name


def evaluate(history: History, settings: Settings, show: Shows, *, pictures: Path | None = None) -> Rerun:
    """What the rules of `settings` do on `history`, from the first of its ticks to the last alert's end."""
    every = settings.alerting.evaluate_every
    refuse_short(history, settings)
    states = KeptStates(history.workshop.store)
    evaluator = Evaluator(
        states,
        settings.alerting,
        tickers=history.state.tickers,
        topics=TOPICS,
        bucket=settings.aggregate.bucket,
        metrics=history.workshop.alert_metrics,
        owner="replay",
    )
    start = ceil_to(history.first_at + settings.aggregate.bucket, every)
    end = ceil_to(history.last_at, every) + every
    listener = Listener(
        on_progress=lambda at: show.evaluated((at - start) / max(end - start, every)),
        **({"on_fired": artist(states, history, settings, pictures)} if pictures else {}),
    )
    return rerun(evaluator, start=start, end=end, every=every, listener=listener)


def refuse_short(history: History, settings: Settings) -> None:
    """Raise where no rule could speak: the history is shorter than what each of them needs before it may fire."""
    span = history.last_at - history.first_at
    needs = {rule.name: rule.baseline.min_history + rule.window for rule in settings.alerting.rules}
    if needs and span < min(needs.values()):
        name = min(needs, key=lambda each: needs[each])
        raise ConfigurationError(
            f"the history is too short: {format_duration(span - span % timedelta(minutes=1))}; rule {name} needs "
            f"{format_duration(needs[name])} (baseline.min_history and its longest window) before it may fire"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The events that count, and the span over which they do."""

    events: tuple[Event, ...] | None
    since: datetime
    until: datetime
    margins: Margins
    unknown: Sequence[str]  #: Entities of events that nobody follows.
    outside: int  #: Events outside of the span.


def judge_over(history: History, events: tuple[Event, ...], judging: Judging) -> Judge:
    """The events within the data and of entities that are followed; raises `ConfigurationError` where none is left."""
    since = max(history.first_at, judging.since or history.first_at)
    until = min(history.last_at + timedelta(microseconds=1), judging.until or datetime.max.replace(tzinfo=since.tzinfo))
    if since >= until:
        raise ConfigurationError(
            f"nothing to judge between {since.isoformat()} and {until.isoformat()}: the documents are from "
            f"{history.first_at.isoformat()} to {history.last_at.isoformat()}; change --since or --until"
        )
    unknown = unfollowed(events, {*history.state.tickers, "all"})
    left_out = {id(event) for event in outside(events, since=since, until=until)}
    kept = tuple(event for event in events if id(event) not in left_out and event.entity not in unknown)
    if events and not any(not event.is_quiet for event in kept):
        raise ConfigurationError(
            f"{judging.events}: no event lies in the data ({since.isoformat()} to {until.isoformat()}) and is of an "
            f"entity that is followed; entities that are not: {', '.join(unknown) or 'none'}"
        )
    return Judge(
        events=kept if judging.events is not None else None,
        since=since, until=until, margins=judging.margins, unknown=unknown, outside=len(left_out),
    )  # fmt: skip


def _shown(name: str, settings: Settings, run: Rerun, judge: Judge) -> Shown:
    found: Sequence[Score] = scores(
        run.fired,
        judge.events or (),
        rules=[rule.name for rule in settings.alerting.rules],
        since=judge.since,
        until=judge.until,
        margins=judge.margins,
    )
    return Shown(name=name, run=run, scores=found, is_judged=judge.events is not None)


def _say_what_is_left_out(history: History, events: Sequence[Event], judge: Judge, output: Output) -> None:
    if judge.outside:
        output.warn(
            f"{judge.outside} of {len(events)} events lie outside of {judge.since:%Y-%m-%d} to {judge.until:%Y-%m-%d} "
            "and are left out"
        )
    if judge.unknown:
        output.warn(f"events of {', '.join(judge.unknown)} are left out: nobody follows them, see the watchlist")
    if history.state.refused:
        output.warn(f"{history.state.refused} of {history.state.total} documents were refused")


def _write(results: Results, runs: Sequence[tuple[str, Settings, Rerun]]) -> None:
    if results.out is not None:
        with results.out.open("w", encoding="utf-8") as lines:
            for name, _, run in runs:
                extra: Mapping[str, object] = {"rules": name} if len(runs) > 1 else {}
                rows = ({**as_row(each), **extra} for each in run.transitions)
                lines.writelines(json.dumps(row, default=plain, ensure_ascii=False) + "\n" for row in rows)


class Shows:
    """Progress on standard error."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._counting = bars.add_task("count", total=None)
        self._evaluating = bars.add_task("evaluate", total=None, visible=False)

    def counted(self, place: Place, total: int) -> None:
        """So many of `total` documents are counted."""
        self._bars.update(self._counting, completed=place.documents, total=total)

    def evaluated(self, share: float) -> None:
        """This share of the span is evaluated."""
        self._bars.update(self._counting, total=1, completed=1)
        self._bars.update(self._evaluating, total=1.0, completed=share, visible=True)

    def close(self) -> None:
        """Leave the screen to the results."""
        self._bars.stop()


@contextmanager
def progress() -> Iterator[Shows]:
    """Bars for counting and evaluating."""
    columns = (
        TextColumn("{task.description:8}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Shows(bars)
