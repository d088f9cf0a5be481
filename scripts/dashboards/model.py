"""The model: what it answers, how fast, whether the world has moved away from it, and the candidate beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from scripts.dashboards import panels as p
from scripts.dashboards.pipeline import quantile, rate
from scripts.dashboards.queries import latest, marks_of, series, table

COMPARED = 'sum(rate(tapewatch_shadow_documents_total{outcome="compared"}[6h]))'
DIFFERS = f"sum by (task) (rate(tapewatch_shadow_disagreements_total[6h])) / on () group_left () {COMPARED}"


def model() -> Dashboard:
    """The dashboard."""
    made = p.board("model", "tapewatch-model", _parts(), note="What the model says, and what is known of it.")
    swaps = marks_of(
        "sum by (outcome) (increase(tapewatch_model_swaps_total[2m])) > 0",
        name="Swaps", colour="blue", title="promoted model", text="{{outcome}}",
    )  # fmt: skip
    return p.with_marks(made, swaps)


def _parts() -> Iterator[Any]:
    yield from _now()
    yield p.row("Answers")
    yield from _answers()
    yield p.row("Drift")
    yield from _drift()
    yield p.row("Candidate")
    yield from _candidate()


def _now() -> Iterator[Any]:
    speed = latest(("sum(rate(tapewatch_classify_documents_total[5m]))", ""))
    yield p.figure("Documents a second", speed, note="Labelled or refused, all workers.", unit="ops")
    mix = latest(('max(tapewatch_model_drift_label_mix{task="sentiment"})', ""))
    yield p.figure("Drift of the sentiment mix", mix, note="Stability index; 0.25 is another world.", steps=(0.1, 0.25))
    failed = latest(("max(tapewatch_model_swap_failed)", ""))
    yield p.figure("Failed swap", failed, note="1: the promoted model could not be taken up.", steps=(1, 1))
    unscored = latest((
        'sum(rate(tapewatch_classify_documents_total{outcome="unscored"}[1h])) / '
        "sum(rate(tapewatch_classify_documents_total[1h]))", "",
    ))  # fmt: skip
    note = "In a language that no model reads."
    yield p.figure("Texts unscored", unscored, note=note, unit="percentunit", steps=(0.1, 0.2))


def _answers() -> Iterator[Any]:
    in_use = table("max by (version) (tapewatch_model_info)")
    yield p.labels_table("In use", in_use, note="Adapter, version and digest; every label carries it.")
    verdicts = series((rate("tapewatch_classify_sentiments_total", "sentiment"), "{{sentiment}}"))
    yield p.stacked("Verdicts a second", verdicts, note="By sentiment.", unit="ops")
    silent = series((rate("tapewatch_classify_abstentions_total", "reason"), "{{reason}}"))
    yield p.stacked("Without a verdict, a second", silent, note="By reason.", unit="ops")
    languages = series((rate("tapewatch_classify_languages_total", "language"), "{{language}}"))
    yield p.stacked("Languages, a second", languages, note="As detected.", unit="ops")
    reused = series(("sum(rate(tapewatch_classify_reused_total[$__rate_interval]))", "answers of copies"))
    yield p.graph("Answers reused, a second", reused, note="Copies that the model need not read again.", unit="ops")
    took = series(
        (quantile(0.99, "tapewatch_classify_model_seconds"), "99 %"),
        (quantile(0.5, "tapewatch_classify_model_seconds"), "median"),
    )
    yield p.graph("Time in the model for a batch", took, note="Without the bus.", unit="s")


def _drift() -> Iterator[Any]:
    mix = series(("max by (adapter, task) (tapewatch_model_drift_label_mix)", "{{adapter}} {{task}}"))
    note = "Population stability index against the training reference: 0.1 is a shift, 0.25 another world."
    yield p.graph("Mix of labels", mix, note=note)
    sure = series(("min by (adapter) (tapewatch_model_drift_confidence_shift)", "{{adapter}}"))
    yield p.graph("Confidence", sure, note="Mean of the top probability, less that of the reference.")
    unknown = series(
        ("max by (adapter) (tapewatch_model_drift_unknown_tokens_ratio)", "{{adapter}}"),
        ("max by (adapter) (tapewatch_model_reference_unknown_tokens_ratio)", "{{adapter}} reference"),
    )
    yield p.graph(
        "Unknown tokens", unknown, note="Another language, another script, or broken text.", unit="percentunit"
    )


def _candidate() -> Iterator[Any]:
    differs = series((DIFFERS, "{{task}}"))
    note = "Share of the compared documents on which the candidate says something else; over six hours."
    yield p.graph("Candidate differs", differs, note=note, unit="percentunit", width=p.HALF)
    sampled = series((rate("tapewatch_shadow_documents_total", "outcome"), "{{outcome}}"))
    yield p.graph("Documents sampled for it", sampled, note="By outcome.", unit="ops", width=p.HALF)
