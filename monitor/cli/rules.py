"""`tapewatch rules`: test rules like code, and choose their settings on history."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import Verb, VerbGroup, config_option, json_option, settings_from
from monitor.cli.replay import FILE, history_options, in_utc, margin_options
from monitor.console import Output
from monitor.durations import parse_rate

if TYPE_CHECKING:
    from monitor.app.rule_tests import Outcome

TEST_EXAMPLE = "tapewatch rules test rules_test.yaml"
TUNE_EXAMPLE = """tapewatch rules tune --input history.jsonl.gz --labels events.csv --choose-until 2015-01-01
tapewatch rules tune --input history.jsonl.gz --labels events.csv --all-methods --picture tune.png"""


@click.group(cls=VerbGroup, example=f"{TEST_EXAMPLE}\n{TUNE_EXAMPLE.splitlines()[0]}")
def rules() -> None:
    """Test rules like code, and choose their settings on history."""


@rules.command(cls=Verb, example=TEST_EXAMPLE)
@click.argument("files", type=FILE, nargs=-1, required=True)
@config_option
@json_option
def test(files: tuple[Path, ...], config_path: Path | None, *, as_json: bool) -> None:
    """Run the tests in FILES: stories in, expected transitions out. Exit status 1 when one fails."""
    from monitor.app.rule_tests import run_rule_tests

    settings, output = settings_from(config_path), Output(as_json=as_json)
    failed = 0
    for path in files:
        for outcome in run_rule_tests(settings, path):
            _show(path, outcome, output, as_json=as_json)
            failed += not outcome.passed
    if failed:
        sys.exit(1)


def _show(path: Path, outcome: Outcome, output: Output, *, as_json: bool) -> None:
    if as_json:
        output.line(
            {
                "file": str(path), "test": outcome.name, "passed": outcome.passed,
                "missing": outcome.missing, "unexpected": outcome.unexpected,
            }
        )  # fmt: skip
        return
    click.echo(f"{'ok    ' if outcome.passed else 'FAILED'} {path.name}: {outcome.name}")
    for line in outcome.missing:
        click.echo(f"  - expected: {line}")
    for line in outcome.unexpected:
        click.echo(f"  + got:      {line}")


def _rate(ctx: click.Context, param: click.Parameter, value: str) -> float:
    try:
        return parse_rate(value)
    except ValueError as err:
        raise click.BadParameter(str(err), ctx, param) from err


@rules.command(cls=Verb, example=TUNE_EXAMPLE)
@history_options
@click.option("--rules", "rules_path", type=FILE, help="A YAML file with `rules:`, in place of the configuration's.")
@click.option("--rule", help="The rule to tune; default: the first.")
@click.option("--labels", type=FILE, required=True, help="A CSV file of events: entity,start,end,description,expect.")
@margin_options
@click.option("--method", "methods", multiple=True, help="Try this method; may be given often. Default: the rule's.")
@click.option("--all-methods", is_flag=True, help="Try every method.")
@click.option("--setting", "tried", type=float, multiple=True,
              help="Try this at_most (a week) or sensitivity; may be given often. Default: a usual range.")  # fmt: skip
@click.option("--choose-until", type=click.DateTime(), callback=in_utc,
              help="Choose on what is before this date (UTC). Default: two thirds of the history.")  # fmt: skip
@click.option("--most-false", default="1 per week", show_default=True, callback=_rate,
              help="The choice has at most so many false alerts, before the split.")  # fmt: skip
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curves into this PNG.")
@json_option
def tune(  # noqa: PLR0913 - click hands over each option
    *,
    source: Path,
    config_path: Path | None,
    state: Path | None,
    labels_cache: Path | None,
    fresh: bool,
    rules_path: Path | None,
    rule: str | None,
    labels: Path,
    before: timedelta,
    after: timedelta,
    methods: tuple[str, ...],
    all_methods: bool,
    tried: tuple[float, ...],
    choose_until: datetime | None,
    most_false: float,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Sweep the sensitivity of methods over history, and show recall against false alerts to choose from."""
    from alerts.replays.scoring import Margins
    from monitor.app.replaying import Judging, request_of
    from monitor.app.tuning import METHODS, Tuning, run_tuning

    run_tuning(
        settings_from(config_path),
        request_of(source, labels=labels_cache, state=state, fresh=fresh),
        Tuning(
            rules=rules_path, rule=rule, methods=METHODS if all_methods else methods, settings=tried,
            choose_until=choose_until, most_false=most_false, picture=picture,
        ),
        Judging(events=labels, margins=Margins(before=before, after=after)),
        Output(as_json=as_json),
    )  # fmt: skip
