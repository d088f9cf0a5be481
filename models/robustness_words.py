"""What robustness found, in words: rows for a table, JSON for programs, Markdown for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.evaluation.words import as_json
from models.robustness import Held, Robustness, Turned

Line = Mapping[str, object]


def held_lines(found: Sequence[Robustness]) -> list[Line]:
    """One line an attack that must not change the answers, models side by side; the worst of all at the end."""
    each = [(*report.held, report.worst) for report in found]
    return [
        {"attack": rows[0].attack, "texts": rows[0].texts, "undone": rows[0].undone}
        | {key: value for report, row in zip(found, rows, strict=True)
           for key, value in _held_columns(_prefix(report, found), row).items()}
        for rows in zip(*each, strict=True)
    ]  # fmt: skip


def turned_lines(found: Sequence[Robustness]) -> list[Line]:
    """One line an attack that must change the answers, models side by side."""
    return [
        {"attack": rows[0].attack, "texts": rows[0].texts, "answers": rows[0].answers}
        | {key: value for report, row in zip(found, rows, strict=True)
           for key, value in _turned_columns(_prefix(report, found), row).items()}
        for rows in zip(*(report.turned for report in found), strict=True)
    ]  # fmt: skip


def as_values(found: Sequence[Robustness], notes: Sequence[str]) -> Line:
    """Everything, for JSON."""
    return {"models": [_values(report) for report in found], "notes": list(notes)}


def as_markdown(found: Sequence[Robustness], notes: Sequence[str]) -> str:
    """A report for people."""
    first = found[0]
    names = " and ".join(report.model for report in found)
    parts = [
        f"# Robustness of {names}\n",
        f"{first.texts} texts, task {first.task}, seed {first.seed}. Accuracy and macro-F1 before and after each "
        "attack, of the texts on which it makes sense; loss in points of macro-F1. Undone: texts that read as before "
        "once they are prepared. Worst of all: an answer is right only if it is right under every attack.\n",
        "## Attacks that must not change the answer\n",
        *_table(held_lines(found)),
        "\n## Attacks that must change the answer\n",
        "Of the answers that were right, the share that turned as it should.\n",
        *_table(turned_lines(found)),
        *(f"\n{note}" for note in notes),
    ]
    return "\n".join(parts) + "\n"


def _prefix(report: Robustness, found: Sequence[Robustness]) -> str:
    return f"{report.model} " if len(found) > 1 else ""


def _held_columns(prefix: str, row: Held) -> dict[str, object]:
    before, after = row.before, row.after
    return {
        f"{prefix}accuracy": f"{before.accuracy:.4f} -> {after.accuracy:.4f}",
        f"{prefix}macro-F1": f"{before.macro_f1:.4f} -> {after.macro_f1:.4f}",
        f"{prefix}loss": f"{row.loss:.2f}",
    }


def _turned_columns(prefix: str, row: Turned) -> dict[str, object]:
    share = "" if row.share is None else f"{row.share:.3f}"
    return {f"{prefix}right before": row.right_before, f"{prefix}turned": row.turned, f"{prefix}share": share}


def _values(report: Robustness) -> Line:
    shown = as_json(report)
    values: dict[str, object] = dict(shown) if isinstance(shown, Mapping) else {}
    values["held"] = [_with(row, loss=row.loss) for row in report.held]
    values["worst"] = _with(report.worst, loss=report.worst.loss)
    values["turned"] = [_with(row, share=row.share) for row in report.turned]
    return values


def _with(row: Held | Turned, **more: float | None) -> Line:
    shown = as_json(row)
    return {**(shown if isinstance(shown, Mapping) else {}), **{name: as_json(value) for name, value in more.items()}}


def _table(lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        yield "No text allows any."
        return
    yield "| " + " | ".join(lines[0]) + " |"
    yield "|" + " --- |" * len(lines[0])
    for line in lines:
        yield "| " + " | ".join(str(value) for value in line.values()) + " |"
