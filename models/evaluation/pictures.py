"""Pictures of a report as PNG: confusion matrix, reliability and risk-coverage curve. They need the extra `train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.evaluation.report import Report
from monitor.errors import ConfigurationError

NUMBERS_UP_TO = 6  #: Classes; more leave no room for a number in each cell of normal size.
DOTS_PER_INCH = 120

Draw = Callable[[Any, Report], None]
"""Draws a report on the axes of a figure."""


def draw(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write the pictures into `folder`, which exists; returns their paths."""
    pictures: dict[str, tuple[Draw, float]] = {
        "confusion.png": (_confusion, max(5.0, 0.5 * len(report.classes) + 2)),
        "reliability.png": (_reliability, 5.0),
        "risk_coverage.png": (_risk_coverage, 5.0),
    }
    return tuple(_picture(report, folder / name, way, size) for name, (way, size) in pictures.items())


def _picture(report: Report, path: Path, way: Draw, size: float) -> Path:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra; only pictures need it
    except ImportError as err:
        raise ConfigurationError("pictures need matplotlib; install tapewatch[train], or leave --out away") from err
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    way(axes, report)
    axes.set_title(f"{report.model}, {report.task}, {report.found.rows} rows", fontsize=9)
    figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})
    return path


def _confusion(axes: Any, report: Report) -> None:  # noqa: ANN401 - matplotlib's axes; an extra, so not imported
    counts = np.array(report.found.confusion, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(report.classes)), report.classes, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(report.classes)), report.classes, fontsize=8)
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    size = 9 if len(report.classes) <= NUMBERS_UP_TO else 6
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half of the colour scale
        axes.text(column, row, int(counts[row, column]), ha="center", va="center", color=colour, fontsize=size)


def _reliability(axes: Any, report: Report) -> None:  # noqa: ANN401 - as above
    bins = report.found.reliability
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    axes.bar([b.low for b in bins], [b.accuracy for b in bins], width=[b.high - b.low for b in bins], align="edge",
             alpha=0.4, edgecolor="tab:blue")  # fmt: skip
    axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], marker="o", markersize=4)
    axes.set_xlabel(f"confidence (ECE {report.found.overall['ece'].value:.4f})")
    axes.set_ylabel("share right")


def _risk_coverage(axes: Any, report: Report) -> None:  # noqa: ANN401 - as above
    axes.plot(report.curve.coverage, report.curve.risk)
    if report.abstained.confidence > 0:
        axes.plot(report.abstained.coverage, report.abstained.risk, marker="o", color="tab:red",
                  label=f"threshold {report.abstained.confidence:.3f}")  # fmt: skip
        axes.legend()
    axes.set_xlabel(f"coverage (area {report.aurc:.4f})")
    axes.set_ylabel("risk: share wrong among those answered")
