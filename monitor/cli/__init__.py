"""The command line: parse, call the application, map errors to exit statuses.

0: fine. 1: the work failed. 2: wrong usage or configuration, said before anything has started.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click

from monitor.app import STAGES
from monitor.cli.alerts import alerts
from monitor.cli.calibrate import calibrate
from monitor.cli.db import db
from monitor.cli.dead_letters import dead_letters
from monitor.cli.erase import erase
from monitor.cli.evaluate import evaluate
from monitor.cli.explain import explain
from monitor.cli.models import models
from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.cli.replay import replay
from monitor.cli.robustness import robustness
from monitor.cli.rules import rules
from monitor.cli.sources import sources
from monitor.cli.stories import stories
from monitor.cli.train import pretrain, train
from monitor.console import Output
from monitor.errors import ConfigurationError, MonitorError
from monitor.settings.load import effective_yaml, example_yaml


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def tapewatch() -> None:
    """Watch news and posts for waves of bad news, and say why."""


@tapewatch.command(
    cls=Verb, example="tapewatch run --config tapewatch.yaml\ntapewatch run --stage classify --stage aggregate"
)
@config_option
@click.option(
    "--stage", "stages", multiple=True, type=click.Choice((*STAGES, "all")), default=("all",), help="What to run here."
)
def run(config_path: Path | None, stages: tuple[str, ...]) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP takes changed rules, receivers and watchlist."""
    from monitor.app.daemon import run_daemon

    chosen = STAGES if "all" in stages else tuple(stage for stage in STAGES if stage in stages)
    read = partial(settings_from, config_path)
    sys.exit(run_daemon(read(), stages=chosen, read=read))


@tapewatch.command(cls=Verb, example="tapewatch demo\ntapewatch demo --kafka")
@click.option("--kafka", is_flag=True, help="Over a real Kafka broker and PostgreSQL, started and stopped here.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the demo's files in this folder.")
@click.option(
    "--speed",
    type=click.FloatRange(10, 360),
    default=180,
    show_default=True,
    help="How many times as fast as it happens to play.",
)
@json_option
def demo(*, kafka: bool, keep: Path | None, speed: float, as_json: bool) -> None:
    """Show the whole monitor at work on invented news, within two minutes."""
    from monitor.demo.run import run_demo

    sys.exit(run_demo(kafka=kafka, keep=keep, speed=speed, as_json=as_json))


@tapewatch.command(cls=Verb, example="tapewatch classify < documents.jsonl > labels.jsonl")
@config_option
@click.option("--adapter", help="Name of a shipped adapter, or a folder.")
def classify(config_path: Path | None, adapter: str | None) -> None:
    """Label documents from standard input, one JSON line each, in input order."""
    from monitor.app.labelling import label_stream

    settings = settings_from(config_path).classifier
    if adapter:
        settings = settings.model_copy(update={"adapter": adapter})
    sys.exit(label_stream(settings, sys.stdin.buffer, sys.stdout.buffer))


@tapewatch.command("check-config", cls=Verb, example="tapewatch check-config --config tapewatch.yaml --print")
@config_option
@click.option("--print", "print_", is_flag=True, help="Print the effective values, secrets masked.")
@click.option("--example", is_flag=True, help="Print an annotated example that covers every key.")
def check_config(config_path: Path | None, *, print_: bool, example: bool) -> None:
    """Check the configuration without starting anything."""
    if example:
        click.echo(example_yaml(), nl=False)
        return
    from monitor.app.rule_check import check_written_rules

    settings = settings_from(config_path)
    check_written_rules(settings)
    if print_:
        click.echo(effective_yaml(settings), nl=False)
        return
    counts = f"{len(settings.sources)} sources, {len(settings.alerting.rules)} rules"
    click.echo(f"configuration is fine: {counts}, {len(settings.alerting.receivers)} receivers")


@tapewatch.command(cls=Verb, example="tapewatch version --json")
@json_option
def version(*, as_json: bool) -> None:
    """Print the version, and those of what it stands on."""
    from monitor.app.versions import versions

    output = Output(as_json=as_json)
    if as_json:
        output.line(versions())
    else:
        click.echo(f"tapewatch {versions()['tapewatch']}")


for verb in (
    alerts, calibrate, db, dead_letters, erase, evaluate, explain, models, pretrain, replay,
    robustness, rules, sources, stories, train,
):  # fmt: skip
    tapewatch.add_command(verb)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    sys.exit(exit_status(lambda: tapewatch.main(args=arguments, standalone_mode=False)))


def exit_status(call: Callable[[], object]) -> int:
    """Call, print an error in one line, and return the exit status."""
    try:
        call()
    except click.exceptions.Exit as err:
        return err.exit_code
    except click.ClickException as err:
        err.show()
        return err.exit_code
    except ConfigurationError as err:
        click.echo(f"tapewatch: {err}", err=True)
        return 2
    except (MonitorError, click.Abort, BrokenPipeError) as err:
        click.echo(f"tapewatch: {err or type(err).__name__}", err=True)
        return 1
    return 0
