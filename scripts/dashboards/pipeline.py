"""How the monitor itself is: processes, sources, stages, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from scripts.dashboards import panels as p
from scripts.dashboards.queries import latest, marks_of, series, table

OVER = "[$__rate_interval]"
LAG = "stage:tapewatch_stage_lag_records:sum"


def rate(metric: str, by: str, where: str = "") -> str:
    """So many a second, by a label."""
    return f"sum by ({by}) (rate({metric}{where}{OVER}))"


def quantile(share: float, metric: str, by: str = "") -> str:
    """A quantile of a histogram, by a label."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{OVER})))"


def pipeline() -> Dashboard:
    """The dashboard."""
    made = p.board("pipeline", "tapewatch-pipeline", _parts(), note="Is every part alive, and how far behind is it?")
    starts = marks_of(
        "changes(process_start_time_seconds{job=\"tapewatch\"}[2m]) > 0",
        name="Restarts", colour="orange", title="restarted", text="{{instance}}",
    )  # fmt: skip
    return p.with_marks(made, starts)


def _parts() -> Iterator[Any]:
    yield from _now()
    yield p.row("Stages")
    yield from _stages()
    yield p.row("Sources")
    yield from _sources()
    yield p.row("What became of documents")
    yield from _documents()
    yield p.row("Evaluation and delivery")
    yield from _alerting()
    yield p.row("Processes")
    yield from _processes()


def _now() -> Iterator[Any]:
    up = latest(('sum(up{job="tapewatch"})', ""))
    yield p.figure("Processes that answer", up, note="Of those that Prometheus knows.")
    lag = latest((f"sum({LAG})", ""))
    yield p.figure("Records behind, in all", lag, note="Over all stages.", steps=(1000, 10000))
    age = latest(("time() - max(tapewatch_alert_last_evaluation_timestamp_seconds)", ""))
    yield p.figure("Since the last evaluation", age, note="Of the rules.", unit="s", steps=(120, 300))
    dead = latest(('sum(max by (source) (tapewatch_source_health{state="dead"}))', ""))
    yield p.figure("Dead sources", dead, note="Nobody could look: their silence is no calm.", steps=(1, 3))


def _stages() -> Iterator[Any]:
    yield p.graph(
        "Records a second", series(("stage:tapewatch_stage_records:rate5m", "{{stage}}")),
        note="Finished by each stage, all workers together.", unit="ops",
    )  # fmt: skip
    yield p.graph("Records behind", series((LAG, "{{stage}}")), note="Between a stage and the end of its topic.")
    ages = series(
        ("job:tapewatch_classify_queue_age_seconds:p99_5m", "seen to classify"),
        ("job:tapewatch_aggregate_queue_age_seconds:p99_5m", "labelled to aggregate"),
    )
    yield p.graph("Age of the oldest in a batch, 99 %", ages, note="When it was taken in hand.", unit="s")
    seconds = series(("stage:tapewatch_stage_batch_seconds:p99_5m", "{{stage}}"))
    yield p.graph("Time for a batch, 99 %", seconds, note="From poll to commit.", unit="s")
    sizes = series((quantile(0.5, "tapewatch_stage_batch_records", "stage"), "{{stage}}"))
    yield p.graph("Records in a batch, median", sizes, note="Large batches are efficient, small ones are quick.")
    trouble = series(
        (rate("tapewatch_stage_retries_total", "stage"), "{{stage}} tried again"),
        (rate("tapewatch_stage_fenced_total", "stage"), "{{stage}} fenced"),
        (rate("tapewatch_stage_restarts_total", "stage"), "{{stage}} started over"),
    )
    yield p.graph(
        "Trouble a second", trouble, note="Batches tried again or given away, parts started over.", unit="ops"
    )


def _sources() -> Iterator[Any]:
    states = table("max by (source, state) (tapewatch_source_health) == 1")
    yield p.labels_table("State of each source", states, note="Why: tapewatch sources, or docs/source-health.md.")
    covered = latest(("min by (source) (tapewatch_source_coverage_ratio)", "{{source}}"))
    yield p.bars(
        "Coverage of the last day", covered, note="Share of the day in which it was looked at.", unit="percentunit"
    )
    silence = latest(("time() - max by (source) (tapewatch_source_last_document_timestamp_seconds)", "{{source}}"))
    yield p.bars("Since the last new document", silence, note="To the quarter of an hour.", unit="s")
    polls = series((rate("tapewatch_ingest_polls_total", "outcome"), "{{outcome}}"))
    yield p.graph("Polls a second", polls, note="By what came of them.", unit="ops", width=p.HALF)
    taken = series((quantile(0.99, "tapewatch_ingest_poll_seconds", "source"), "{{source}}"))
    yield p.graph("Time for a poll, 99 %", taken, note="By source.", unit="s", width=p.HALF)


def _documents() -> Iterator[Any]:
    met = series((rate("tapewatch_ingest_documents_total", "outcome"), "{{outcome}}"))
    yield p.graph("Ingest: documents a second", met, note="Met by ingest or sent, by outcome.", unit="ops")
    told = series((rate("tapewatch_story_documents_total", "outcome"), "{{outcome}}"))
    yield p.graph("Stories: documents a second", told, note="New stories, copies, other readings.", unit="ops")
    read = series((rate("tapewatch_classify_documents_total", "outcome"), "{{outcome}}"))
    yield p.graph("Classify: documents a second", read, note="By outcome.", unit="ops")
    counted = series((rate("tapewatch_aggregate_documents_total", "outcome"), "{{outcome}}"))
    yield p.graph("Aggregate: documents a second", counted, note="Repeated ones change no count.", unit="ops")
    held = series((rate("tapewatch_aggregate_held_back_documents_total", "reason"), "{{reason}}"))
    yield p.graph("Held back a second", held, note="By the cap that held a story back.", unit="ops")
    refused = "sum by (stage, reason) (increase(tapewatch_dead_letters_total[1h]))"
    letters = series((refused, "{{stage}} {{reason}}"))
    yield p.graph("Dead letters by reason", letters, note="Within an hour; tapewatch dead-letters list shows them.")
    late = series(
        ("job:tapewatch_publish_to_label_seconds:p99_5m", "99 %"),
        (quantile(0.5, "tapewatch_publish_to_label_seconds"), "median"),
    )
    note = "From what the source says to the label; a feed that is asked every five minutes is minutes late."
    yield p.graph("Publication to label", late, note=note, unit="s")
    behind = series(
        ("time() - max(tapewatch_aggregate_watermark_timestamp_seconds)", "since the latest event counted"),
        ("time() - (max(tapewatch_aggregate_counted_until_timestamp_seconds) > 0)", "since all was counted"),
    )
    note = "The first grows at night, and when nothing comes; by the second alerts are late."
    yield p.graph("How far the counts are", behind, note=note, unit="s")
    late_ones = series(("sum(rate(tapewatch_aggregate_late_documents_total[$__rate_interval]))", "late"))
    yield p.graph("Late documents a second", late_ones, note="After aggregate.allowed_lateness.", unit="ops")


def _alerting() -> Iterator[Any]:
    done = series((rate("tapewatch_alert_evaluations_total", "outcome"), "{{outcome}}"))
    yield p.graph("Evaluations a second", done, note="One process evaluates, the others stand by.", unit="ops")
    took = series((quantile(0.99, "tapewatch_alert_evaluation_seconds"), "99 %"))
    yield p.graph("Time for an evaluation", took, note="Of all rules.", unit="s")
    waiting = series(("max(tapewatch_outbox_notifications)", "waiting"))
    yield p.graph("Notifications that wait", waiting, note="In the outbox; 0 is usual.")
    tried = series(
        ("sum by (receiver, outcome) (increase(tapewatch_deliveries_total[1h]))", "{{receiver}} {{outcome}}")
    )
    yield p.graph("Deliveries", tried, note="Attempts within an hour.", width=p.HALF)
    slow = series(("histogram_quantile(0.99, sum by (receiver, le) (increase(tapewatch_delivery_seconds_bucket[1d])))",
                   "{{receiver}}"))  # fmt: skip
    note = "From the making of a notification to its delivery; over a day."
    yield p.graph("Time to delivery, 99 %", slow, note=note, unit="s", width=p.HALF)


def _processes() -> Iterator[Any]:
    memory = series(('process_resident_memory_bytes{job="tapewatch"}', "{{instance}}"))
    yield p.graph("Memory, resident", memory, note="A line that rises for days is a leak.", unit="bytes")
    cpu = series(('rate(process_cpu_seconds_total{job="tapewatch"}[$__rate_interval])', "{{instance}}"))
    yield p.graph("Cores in use", cpu, note="1 is one core.")
    files = series(('process_open_fds{job="tapewatch"}', "{{instance}}"))
    yield p.graph("File handles", files, note="As memory.")
    index = series(
        ("sum(tapewatch_story_index_bytes)", "index of stories"),
    )
    yield p.graph("Index of stories", index, note="Memory that it takes, all processes.", unit="bytes", width=p.HALF)
    builds = table("max by (instance, version, python, torch) (tapewatch_build_info)")
    yield p.labels_table("Builds", builds, note="What runs where.", width=p.HALF)
