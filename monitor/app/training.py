"""`tapewatch train` and `tapewatch pretrain`: join the command line to the training room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.console import Output
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings

if TYPE_CHECKING:
    from models.training.run import TrainingReport


def train_adapter(data: Path, out: Path, training_path: Path | None, *, output: Output) -> None:
    """Fine-tune an adapter on `data`, write it to `out`, and show what was measured."""
    from models.training.run import read_config, train

    configure_logging(LoggingSettings())
    _show(train(data, out, read_config(training_path)), output)


def adapt_adapter(
    parent: str, rows: Sequence[Path], out: Path, training_path: Path | None, *, old_tests: Path | None, output: Output
) -> None:
    """Train `parent` further on a few rows, write the new adapter to `out`, and show what was measured."""
    from models.training.adapt import adapt, few_shot_config

    configure_logging(LoggingSettings())
    _show(adapt(parent, rows, out, few_shot_config(training_path), old_tests=old_tests), output)


def pretrain_encoder(texts: Path, out: Path, training_path: Path | None, *, output: Output) -> None:
    """Continue masked-language modelling on `texts` and show how the loss fell."""
    from models.training.pretrain import PretrainingConfig, pretrain

    configure_logging(LoggingSettings())
    config = PretrainingConfig() if training_path is None else PretrainingConfig.from_yaml(training_path)
    _table(pretrain(texts, out, config), out, output)


def _show(report: TrainingReport, output: Output) -> None:
    _table(report.metrics, report.folder, output)


def _table(metrics: Mapping[str, float], folder: Path, output: Output) -> None:
    output.rows(
        [{"measure": name, "value": value} for name, value in metrics.items()],
        title=f"Written to {folder}",
        columns=("measure", "value"),
        empty="Nothing was measured.",
    )
