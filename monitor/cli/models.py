"""`tapewatch models`: the registry of adapters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import Verb, VerbGroup, config_option, json_option, settings_from
from monitor.console import Output
from monitor.settings import ClassifierSettings


@click.group(cls=VerbGroup, example="tapewatch models list\ntapewatch models promote small-2 --gate data")
def models() -> None:
    """Show adapters, promote one, go back to the one before."""


registry_option = click.option(
    "--registry",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of adapters. Default: classifier.registry of the configuration.",
)


@models.command("list", cls=Verb, example="tapewatch models list --registry /var/lib/tapewatch/models")
@config_option
@registry_option
@json_option
def list_(config_path: Path | None, registry: Path | None, *, as_json: bool) -> None:
    """List the adapters of the registry and those that ship."""
    from monitor.app.model_registry import list_models

    list_models(_settings(config_path, registry), Output(as_json=as_json))


@models.command(cls=Verb, example="tapewatch models show small-2")
@config_option
@registry_option
@click.argument("name")
def show(config_path: Path | None, registry: Path | None, name: str) -> None:
    """Check the adapter NAME and show its manifest and history, as JSON."""
    from monitor.app.model_registry import show_model

    show_model(_settings(config_path, registry), name, Output(as_json=True))


@models.command(
    cls=Verb,
    example="tapewatch models promote small-2 --gate data\ntapewatch models promote ./my-adapter --no-gate",
)
@config_option
@registry_option
@json_option
@click.argument("name")
@click.option("--gate", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Data folder (docs/models.md) whose test sets decide.")  # fmt: skip
@click.option("--no-gate", is_flag=True, help="Promote without measuring; noted in the history.")
@click.option("--force", is_flag=True, help="Promote whatever the gate says; noted in the history.")
@click.option("--margin", default=0.5, show_default=True, type=click.FloatRange(0, 100),
              help="Points by which accuracy and macro-F1 may fall.")  # fmt: skip
@click.option("--class-margin", default=2.0, show_default=True, type=click.FloatRange(0, 100),
              help="Points by which the F1 of a class may fall.")  # fmt: skip
@click.option("--max-ece", default=5.0, show_default=True, type=click.FloatRange(0, 100),
              help="Largest calibration error, in points.")  # fmt: skip
def promote(config_path: Path | None, registry: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options
    """Put the adapter NAME in force if it passes the gate; running daemons on `adapter: active` take it up.

    NAME may also be a shipped adapter or a folder: it is copied into the registry first.
    """
    from models.gate import Margins
    from monitor.app.model_registry import Wanted, promote_model

    if (given["gate"] is None) != given["no_gate"]:
        raise click.UsageError("give either --gate DATA, or --no-gate to promote without measuring")
    wanted = Wanted(
        name=given["name"],
        gate=given["gate"],
        is_forced=given["force"],
        margins=Margins(overall=given["margin"], of_class=given["class_margin"], calibration_error=given["max_ece"]),
    )
    settings = _settings(config_path, registry)
    promote_model(settings, wanted, now=datetime.now(UTC), output=Output(as_json=as_json))


@models.command(cls=Verb, example="tapewatch models rollback")
@config_option
@registry_option
@json_option
def rollback(config_path: Path | None, registry: Path | None, *, as_json: bool) -> None:
    """Put the adapter in force that was before the active one."""
    from monitor.app.model_registry import rollback_model

    rollback_model(_settings(config_path, registry), now=datetime.now(UTC), output=Output(as_json=as_json))


def _settings(config_path: Path | None, registry: Path | None) -> ClassifierSettings:
    settings = settings_from(config_path).classifier
    return settings.model_copy(update={"registry": registry}) if registry else settings
