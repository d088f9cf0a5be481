"""`tapewatch evaluate` and `tapewatch calibrate`: a model on labelled data, and its probabilities made honest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.artifacts import read_adapter
from models.evaluation.report import Report, curve_rows
from models.evaluation.run import COVERAGES, Request, evaluate
from models.evaluation.words import (
    abstained_words,
    as_json,
    class_lines,
    confusion_lines,
    curve_lines,
    mixed_lines,
    overall_lines,
)
from models.evaluation.writing import prepare_folder, write_report
from models.recalibration import Recalibrated, recalibrate
from monitor.console import Output, Row
from monitor.logs import configure_logging
from monitor.settings import ClassifierSettings, LoggingSettings


def evaluate_model(settings: ClassifierSettings, request: Request, *, out: Path | None, output: Output) -> None:
    """Evaluate the adapter of `settings` as `request` says, show the report, and write it where `out` is given."""
    from models.engine import load_engine

    configure_logging(LoggingSettings(level="warning"))
    adapter = read_adapter(settings.adapter)
    if out:
        prepare_folder(out)
    report = evaluate(adapter, lambda: load_engine(adapter, settings), request)
    written = write_report(report, out) if out else ()
    _show(report, output)
    for path in written:
        output.say(f"written: {path}")


def calibrate_model(
    settings: ClassifierSettings, data: Sequence[Path], out: Path, *, risk: float, output: Output
) -> None:
    """Fit the calibration of the adapter of `settings` anew on `data`, and write the next version to `out`."""
    from models.engine import load_engine

    configure_logging(LoggingSettings(level="warning"))
    adapter = read_adapter(settings.adapter)
    found = recalibrate(adapter, lambda: load_engine(adapter, settings), data, out, risk=risk)
    if output.as_json:
        output.line(_calibrated(found))
        return
    _table(output, _change_lines(found), f"{found.model} in {found.folder}")
    _table(output, _curve_lines(found), "Risk and coverage of the sentiment answers")
    output.say(_threshold_words(found))
    for note in found.notes:
        output.say(f"warning: {note}")


def _change_lines(found: Recalibrated) -> list[Row]:
    return [
        {"head": change.head, "rows": change.rows, "scaling": change.method,
         **{name: f"{before:.4f} -> {change.after[name]:.4f}" for name, before in change.before.items()}}
        for change in found.changes
    ]  # fmt: skip


def _curve_lines(found: Recalibrated) -> list[Row]:
    if found.curve is None:
        return []
    return [{name: f"{value:.4f}" for name, value in row.items()} for row in curve_rows(found.curve, COVERAGES)]


def _threshold_words(found: Recalibrated) -> str:
    kept = found.calibration
    return (
        f"Sentiments below {kept.confidence:.3f} are uncertain: {kept.coverage:.1%} are answered, of which "
        f"{kept.risk:.1%} wrong. Texts that are about finance with less than {kept.finance:.3f} are off topic."
    )


def _calibrated(found: Recalibrated) -> Row:
    curve = curve_rows(found.curve, COVERAGES) if found.curve else ()
    return {
        "model": found.model,
        "folder": str(found.folder),
        "changes": as_json(found.changes),
        "calibration": found.calibration.model_dump(),
        "risk_coverage": as_json(curve),
        "notes": list(found.notes),
    }


def _show(report: Report, output: Output) -> None:
    shown = as_json(report)
    if output.as_json and isinstance(shown, dict):
        output.line(shown)
        return
    _table(output, overall_lines(report), f"{report.model}: {report.task}, {report.texts} texts")
    _table(output, class_lines(report), "Classes (95 % intervals)")
    _table(output, confusion_lines(report), "Confusion: label by answer")
    _table(output, mixed_lines(report), "Entities beside one of another sentiment")
    _table(output, curve_lines(report), "Risk and coverage")
    output.say(abstained_words(report))
    for note in report.notes:
        output.say(f"note: {note}")


def _table(output: Output, lines: Sequence[Row], title: str) -> None:
    if lines:
        output.rows(lines, title=title, columns=list(lines[0]), empty="")
