"""What the verbs share: help with an example, common options, reading the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from monitor.settings import Settings
from monitor.settings.load import load_settings

DEFAULT_CONFIG = Path("tapewatch.yaml")


class Verb(click.Command):
    """A command whose help ends with an example, printed as written."""

    def __init__(self, name: str | None, *, example: str = "", **kwargs: Any) -> None:  # noqa: ANN401 - passed on to click
        super().__init__(name, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the example."""
        del ctx
        _write_example(formatter, self.example)


class VerbGroup(click.Group):
    """A group of verbs whose own help ends with examples."""

    def __init__(self, name: str | None, *, example: str, **kwargs: Any) -> None:  # noqa: ANN401 - passed on to click
        super().__init__(name, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the examples."""
        del ctx
        _write_example(formatter, self.example)


def _write_example(formatter: click.HelpFormatter, example: str) -> None:
    with formatter.section("Example"):
        for line in example.splitlines():
            formatter.write(f"  {line}\n")


config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TAPEWATCH_CONFIG",
    help="Configuration file. Default: tapewatch.yaml where it exists.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON lines instead of tables; so it is in a pipe.")


def settings_from(path: Path | None) -> Settings:
    """Read the configuration from `path` (or ./tapewatch.yaml, where there is one) and the environment."""
    if path is None and DEFAULT_CONFIG.exists():
        path = DEFAULT_CONFIG
    return load_settings(path, os.environ)
