"""A report in words: JSON for programs, Markdown for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from models.evaluation.intervals import Estimate
from models.evaluation.measures import AVERAGES, PARTS
from models.evaluation.report import Report

DIGITS = 6
HEADLINES = ("accuracy", "macro_f1", "ece", "brier")  #: Shown of every slice and baseline.

Line = Mapping[str, object]


def as_json(value: object) -> object:
    """A value of the report as JSON has it; the curve in full is for the picture alone."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value) if field.name != "curve"}
    if isinstance(value, Mapping):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(part) for part in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def class_lines(report: Report) -> list[Line]:
    """Precision, recall, F1 and support of each class, then the averages."""
    lines: list[Line] = [
        {"class": found.name, **{part: _span(getattr(found, part)) for part in PARTS}, "support": found.support}
        for found in report.found.classes
    ]
    overall = report.found.overall
    return lines + [
        {"class": f"{average} average", **{part: _span(overall[f"{average}_{part}"]) for part in PARTS},
         "support": report.found.rows}
        for average in AVERAGES
    ]  # fmt: skip


def overall_lines(report: Report) -> list[Line]:
    """The headline figures of the model, its slices and the baselines."""
    lines = [_headline("model", report.found.rows, report.found.overall)]
    lines += [_headline(f"{part.column} {part.value}", part.rows, part.overall) for part in report.slices]
    return lines + [_headline(each.name, report.found.rows, each.overall) for each in report.baselines]


def confusion_lines(report: Report) -> list[Line]:
    """Label by answer."""
    return [
        {"label": name, **dict(zip(report.classes, counts, strict=True))}
        for name, counts in zip(report.classes, report.found.confusion, strict=True)
    ]


def mixed_lines(report: Report) -> list[Line]:
    """The model and the baselines on headlines whose entities carry different sentiments."""
    if report.mixed is None:
        return []
    lines: list[Line] = [{"of": report.model, "accuracy per entity": _span(report.mixed.accuracy)}]
    lines += [{"of": each.name, "accuracy per entity": _span(each.mixed)} for each in report.baselines if each.mixed]
    best = "best possible with one answer a headline"
    return [*lines, {"of": best, "accuracy per entity": f"{report.mixed.ceiling:.3f}"}]


def curve_lines(report: Report) -> list[Line]:
    """The risk-coverage curve, in steps."""
    return [{name: f"{value:.4f}" for name, value in row.items()} for row in report.risk_coverage]


def reliability_lines(report: Report) -> list[Line]:
    """The reliability curve, bin by bin."""
    return [
        {"bin": f"{found.low:.2f}-{found.high:.2f}", "rows": found.rows, "confidence": f"{found.confidence:.4f}",
         "accuracy": f"{found.accuracy:.4f}"}
        for found in report.found.reliability
    ]  # fmt: skip


def abstained_words(report: Report) -> str:
    """What the model leaves open, in one sentence."""
    found = report.abstained
    return (
        f"Above its threshold of {found.confidence:.3f} the model answers {found.coverage:.1%}, of which "
        f"{found.risk:.1%} wrong; {found.off_topic:.1%} of the texts are taken for off topic."
    )


def as_markdown(report: Report, pictures: Sequence[str] = ()) -> str:
    """The whole report."""
    return "\n".join(_markdown(report, pictures)) + "\n"


def _markdown(report: Report, pictures: Sequence[str]) -> Iterator[str]:
    yield from (f"# {report.model}: {report.task}", "")
    yield f"{report.texts} texts, {report.found.rows} labels. Intervals: 95 %, bootstrap. ECE: 15 bins; Brier: [0, 2]."
    yield from ("", *(f"- `{name}`, SHA-256 {digest}" for name, digest in report.files.items()))
    yield from (f"- **Note**: {note}" for note in report.notes)
    yield from _section("Figures", overall_lines(report))
    yield from (f"- {each.name}: {each.note}" for each in report.baselines)
    yield from _section("Classes", class_lines(report))
    yield from _section("Confusion: label by answer", confusion_lines(report))
    if report.mixed:
        count = f"{report.mixed.entities} in {report.mixed.headlines} headlines"
        yield from _section(f"Entities beside one of another sentiment ({count})", mixed_lines(report))
    yield from _section("Reliability", reliability_lines(report))
    yield from _section(f"Risk and coverage (area {report.aurc:.4f})", curve_lines(report))
    yield abstained_words(report)
    yield from ("", *(f"![{name}]({name})" for name in pictures))


def _section(title: str, lines: Sequence[Line]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if lines:
        columns = list(lines[0])
        yield _table_row(columns)
        yield _table_row("---" for _ in columns)
        yield from (_table_row(str(line.get(column, "")) for column in columns) for line in lines)
    yield ""


def _table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _headline(name: str, rows: int, overall: Mapping[str, Estimate]) -> Line:
    return {"of": name, "rows": rows, **{key: _span(overall.get(key)) for key in HEADLINES}}


def _span(found: Estimate | None) -> str:
    return "" if found is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
