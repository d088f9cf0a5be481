"""Write a report into a folder: `report.json`, `report.md` and the pictures."""

from __future__ import annotations

import json
from pathlib import Path

from models.evaluation.pictures import draw
from models.evaluation.report import Report
from models.evaluation.words import as_json, as_markdown
from monitor.errors import ConfigurationError, PermanentError


def prepare_folder(folder: Path) -> None:
    """Make `folder`, so that a wrong one is known before the work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(f"{folder}: cannot be made: {err.strerror}; name another folder") from err


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write everything into `folder`, which exists; returns what was written."""
    try:
        pictures = draw(report, folder)
        (folder / "report.json").write_text(
            json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (folder / "report.md").write_text(as_markdown(report, [path.name for path in pictures]), encoding="utf-8")
    except OSError as err:
        raise PermanentError(
            f"{folder}: the report cannot be written: {err.strerror}; make room and try again"
        ) from err
    return (folder / "report.json", folder / "report.md", *pictures)
