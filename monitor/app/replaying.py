"""`tapewatch replay`: the live stages over a file, on an embedded log and database of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from monitor.app.clock import utc_now
from monitor.app.parts import Parts
from monitor.app.workshop import Workshop
from monitor.console import Output, as_row, plain
from monitor.domain import Alert, Transition
from monitor.errors import InvalidRecordError
from monitor.logs import configure_logging
from monitor.settings import KafkaSettings, LoggingSettings, Settings
from monitor.settings.rules import with_rules
from pipelines.documents import parse_rfc3339
from pipelines.replay import Replay, ReplayReport
from pipelines.sources.base import RawItem
from pipelines.sources.file import read_documents

log = structlog.get_logger(__name__)

EARLIEST = datetime.min.replace(tzinfo=UTC)  #: Where an item without a readable date sorts; ingest refuses it.


def run_replay(
    settings: Settings, *, source: Path, rules: Path | None, out: Path | None, output: Output
) -> ReplayReport:
    """Replay the file `source`, write its transitions to `out`, and show the alerts."""
    configure_logging(LoggingSettings(level="warning"))
    if rules is not None:
        settings = with_rules(settings, rules)
    items = sorted(read_documents(source), key=_published_at)
    with TemporaryDirectory(prefix="tapewatch-replay-") as folder, _progress(len(items)) as show:
        report = _replay(_contained(settings, Path(folder)), items, show)
    if out is not None:
        with out.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(as_row(t), default=plain) + "\n" for t in report.transitions)
    _show(report, output)
    return report


def _contained(settings: Settings, folder: Path) -> Settings:
    """`settings` on files of its own, with one partition, so that records keep the order of the data."""
    forever = "36500d"
    changes = {
        "database": settings.database.model_copy(
            update={"url": SecretStr(f"sqlite:///{folder}/replay.db"), "url_file": None}
        ),
        "kafka": KafkaSettings(),
        "local_log": settings.local_log.model_copy(update={"path": folder / "replay-log.db"}),
        "stream": settings.stream.model_copy(update={"partitions": 1}),
        "aggregate": settings.aggregate.model_validate(
            settings.aggregate.model_dump()
            | {"evidence_retention": forever, "bucket_retention": forever, "id_retention": forever}
        ),
    }
    return settings.model_copy(update=changes)


def _replay(settings: Settings, items: Sequence[RawItem], show: Progress) -> ReplayReport:
    workshop = Workshop(settings, clock=utc_now, registry=CollectorRegistry(), worker="replay")
    task = show.task_ids[0]

    def on_progress(report: ReplayReport) -> None:
        show.update(task, completed=report.documents, alerts=len(report.fired))

    try:
        parts = Parts(workshop)
        with workshop.ingest() as ingest, parts.classify_line() as classify, parts.aggregate_line() as aggregate:
            replay = Replay(
                submit=lambda chunk, now: len(ingest.submit(chunk, now).rejected),
                classify=classify,
                aggregate=aggregate,
                ticker=workshop.evaluator(tickers=_tickers(workshop, items)),
                every=settings.alerting.evaluate_every,
                on_progress=on_progress,
            )
            return replay.run(items, now=utc_now())
    finally:
        workshop.close()


def _tickers(workshop: Workshop, items: Sequence[RawItem]) -> Sequence[str]:
    """The watchlist; without one, every ticker that the documents name."""
    return workshop.linker.tickers or sorted({ticker.upper() for item in items for ticker in item.entities})


def _published_at(item: RawItem) -> datetime:
    try:
        given = item.published_at
        return parse_rfc3339(given) if isinstance(given, str) else given or EARLIEST
    except InvalidRecordError:
        return EARLIEST


@contextmanager
def _progress(total: int) -> Iterator[Progress]:
    columns = (
        TextColumn("replay"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[alerts]} alerts"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as shown:
        shown.add_task("replay", total=total, alerts=0)
        yield shown


def _show(report: ReplayReport, output: Output) -> None:
    columns = ("fired_at", "rule", "entity", "seen", "expected", "p_value", "top_headline")
    span = (
        f"{report.started_at:%Y-%m-%d} to {report.ended_at:%Y-%m-%d}" if report.started_at and report.ended_at else ""
    )
    output.rows(
        [_alert_row(alert, report.transitions) for alert in report.fired],
        title=f"{len(report.fired)} alerts in {report.labelled} documents {span}",
        columns=columns,
        empty=f"No alert in {report.labelled} documents {span}.",
    )
    if report.refused:
        output.say(f"{report.refused} documents were refused; the first reasons are in the log.")


def _alert_row(alert: Alert, transitions: Sequence[Transition]) -> dict[str, object]:
    evidence = alert.evidence
    ended = [t.at for t in transitions if t.fingerprint == alert.fingerprint and t.after.value == "resolved"]
    after = [at for at in ended if alert.fired_at and at > alert.fired_at]
    return {
        "fired_at": alert.fired_at,
        "resolved_at": min(after) if after else None,
        "rule": alert.rule,
        "entity": alert.series.entity,
        "topic": alert.series.topic,
        "seen": evidence.seen if evidence else None,
        "expected": evidence.expected if evidence else None,
        "p_value": evidence.p_value if evidence else None,
        "top_headline": evidence.documents[0].title if evidence and evidence.documents else "",
        "evidence": evidence,
    }
