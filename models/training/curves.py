"""Draw a run: its log in, a picture of loss and development score over the steps out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def draw_curves(logbook: Path, picture: Path) -> bool:
    """Draw `logbook` into `picture`; False where matplotlib is not installed or nothing was logged."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - of the extra `train` alone
        from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    except ImportError:
        log.info("curves_not_drawn", reason="matplotlib is not installed", remedy="pip install 'tapewatch[train]'")
        return False
    events = [json.loads(line) for line in logbook.read_text(encoding="utf-8").splitlines()]
    steps = [event for event in events if event["event"] == "step_finished"]
    looks = [event for event in events if event["event"] == "look_finished"]
    if not looks:
        return False
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    _draw_loss(above, steps)
    _draw_looks(below, looks)
    figure.savefig(picture, dpi=80)
    return True


def _draw_loss(axes: Any, steps: list[dict[str, Any]]) -> None:  # noqa: ANN401 - matplotlib's Axes
    axes.plot([event["step"] for event in steps], [event["loss"] for event in steps], color="tab:gray", linewidth=0.8)
    axes.set_ylabel("training loss")
    axes.grid(alpha=0.3)


def _draw_looks(axes: Any, looks: list[dict[str, Any]]) -> None:  # noqa: ANN401 - matplotlib's Axes
    at = [event["step"] for event in looks]
    axes.plot(at, [event["score"] for event in looks], "o-", color="black", label="score that chooses the stop")
    names = sorted({name for event in looks for name in event if "." in name})
    for name in names:
        axes.plot(at, [event.get(name, {}).get("macro_f1") for event in looks], ".--", linewidth=0.8, label=name)
    axes.set_ylabel("macro-F1 on development rows")
    axes.set_xlabel("step")
    axes.legend(fontsize=7, loc="lower right")
    axes.grid(alpha=0.3)
