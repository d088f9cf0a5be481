"""`tapewatch sources`: how every source is, and why."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.app.store import open_app_store
from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output
from monitor.domain import SourceHealth
from monitor.durations import rough_duration

if TYPE_CHECKING:
    from monitor.app.source_health import SourceReport

COLUMNS = ("source", "state", "why", "success", "document", "24 h", "next poll")


@click.command(cls=Verb, example="tapewatch sources\ntapewatch sources --check || echo 'a source is dead'")
@config_option
@json_option
@click.option("--check", is_flag=True, help="Exit with 1 when a source is dead.")
def sources(config_path: Path | None, *, as_json: bool, check: bool) -> None:
    """List the sources with their health: healthy, failing, dead, silent or unknown."""
    from monitor.app.source_health import source_reports

    settings = settings_from(config_path)
    with closing(open_app_store(settings)) as store:
        now = datetime.now(UTC)
        reports = source_reports(settings, store, now)
    output = Output(as_json=as_json)
    rows = [report.as_row() if output.as_json else _for_people(report, now) for report in reports]
    output.rows(rows, title="Sources", columns=COLUMNS, empty="No source is configured.")
    if check and any(report.health is SourceHealth.DEAD for report in reports):
        sys.exit(1)


def _for_people(report: SourceReport, now: datetime) -> dict[str, object]:
    """Ages in place of instants; the last error is in the reason wherever it matters."""
    kind = ", ".join(filter(None, (report.type, report.source_class)))
    covered = "" if report.coverage_24h is None else f", {report.coverage_24h:.0%} covered"
    return {
        "source": f"{report.name} ({kind})",
        "state": report.health.value,
        "why": report.reason,
        "success": _age(report.last_success_at, now),
        "document": _age(report.last_document_at, now),
        "24 h": f"{report.documents_24h} new{covered}",
        "next poll": _wait(report.next_poll_at, now),
    }


def _age(at: datetime | None, now: datetime) -> str:
    return "never" if at is None else f"{rough_duration(max(now - at, timedelta(0)))} ago"


def _wait(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    return f"in {rough_duration(at - now)}" if at > now else "due"
