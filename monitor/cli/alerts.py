"""`tapewatch alerts`: what fires, what happened, what was delivered, and silences."""

from __future__ import annotations

import re
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from monitor.app.store import open_app_store
from monitor.cli.options import Verb, VerbGroup, config_option, json_option, settings_from
from monitor.cli.verdicts import correct, export_labels, export_verdicts, verdict
from monitor.console import Output, as_row
from monitor.domain import Alert, AlertState, Matcher, Silence
from monitor.durations import parse_duration
from monitor.errors import ConfigurationError

QUIET = (AlertState.NORMAL, AlertState.RESOLVED)


@click.group(
    cls=VerbGroup, example="tapewatch alerts list\ntapewatch alerts silence entity=ACME --for 2h --comment 'known'"
)
def alerts() -> None:
    """Show and silence alerts, and say what they were worth."""


for verb in (verdict, export_verdicts, correct, export_labels):
    alerts.add_command(verb)


@alerts.command("list", cls=Verb, example="tapewatch alerts list --all --json")
@config_option
@json_option
@click.option("--all", "all_", is_flag=True, help="Resolved and normal ones too.")
def list_alerts(config_path: Path | None, *, as_json: bool, all_: bool) -> None:
    """List alerts that are pending, firing or recovering."""
    with closing(open_app_store(settings_from(config_path))) as store:
        shown = [alert for alert in store.alerts() if all_ or alert.state not in QUIET]
    columns = ("rule", "entity", "state", "since", "seen", "expected", "p_value", "fingerprint")
    Output(as_json=as_json).rows(map(_alert_row, shown), title="Alerts", columns=columns, empty="No alert is active.")


@alerts.command(cls=Verb, example="tapewatch alerts show 3f2a9c")
@config_option
@click.argument("fingerprint")
def show(config_path: Path | None, fingerprint: str) -> None:
    """Show one alert with its evidence, as JSON; the beginning of the fingerprint is enough."""
    with closing(open_app_store(settings_from(config_path))) as store:
        found = [alert for alert in store.alerts() if alert.fingerprint.startswith(fingerprint)]
    if len(found) != 1:
        raise click.UsageError(f"{len(found)} alerts begin with {fingerprint!r}; see: tapewatch alerts list --all")
    Output(as_json=True).line(as_row(found[0]))


@alerts.command(cls=Verb, example="tapewatch alerts history --limit 20")
@config_option
@json_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
def history(config_path: Path | None, *, as_json: bool, limit: int) -> None:
    """List changes of state, latest first."""
    with closing(open_app_store(settings_from(config_path))) as store:
        rows = [
            {"at": t.at, "rule": t.rule, "entity": t.series.entity, "topic": t.series.topic, "from": t.before.value,
             "to": t.after.value, "fingerprint": t.fingerprint}
            for t in store.transitions(limit=limit)
        ]  # fmt: skip
    columns = ("at", "rule", "entity", "topic", "from", "to")
    Output(as_json=as_json).rows(rows, title="Transitions", columns=columns, empty="Nothing has happened yet.")


@alerts.command(cls=Verb, example="tapewatch alerts deliveries --limit 20")
@config_option
@json_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
def deliveries(config_path: Path | None, *, as_json: bool, limit: int) -> None:
    """List attempts to deliver, latest first."""
    with closing(open_app_store(settings_from(config_path))) as store:
        rows = [as_row(attempt) for attempt in store.deliveries(limit=limit)]
    columns = ("at", "receiver", "attempt", "outcome", "detail", "took_s", "notification_id")
    Output(as_json=as_json).rows(rows, title="Deliveries", columns=columns, empty="Nothing was sent yet.")


@alerts.command(cls=Verb, example="tapewatch alerts silence entity=ACME severity=~'page|warn' --for 2h --comment known")
@config_option
@json_option
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "length", required=True, help="How long, for example 2h.")
@click.option("--comment", required=True, help="Why.")
@click.option("--author", default="command line", show_default=True, help="Who.")
def silence(
    config_path: Path | None, *, as_json: bool, matchers: tuple[str, ...], length: str, comment: str, author: str
) -> None:
    """Keep alerts that meet every MATCHER (name=value, !=, =~, !~) from being notified."""
    now = datetime.now(UTC)
    made = Silence(
        id=uuid.uuid4().hex[:12],
        matchers=tuple(_matcher(text) for text in matchers),
        starts_at=now,
        ends_at=now + _length(length),
        created_by=author,
        comment=comment,
    )
    with closing(open_app_store(settings_from(config_path))) as store:
        store.save_silence(made)
    _show_silences([made], as_json=as_json)


@alerts.command(cls=Verb, example="tapewatch alerts silences")
@config_option
@json_option
def silences(config_path: Path | None, *, as_json: bool) -> None:
    """List silences that are in force or to come."""
    with closing(open_app_store(settings_from(config_path))) as store:
        held = [found for found in store.silences() if found.ends_at > datetime.now(UTC)]
    _show_silences(held, as_json=as_json)


@alerts.command(cls=Verb, example="tapewatch alerts unsilence 0a1b2c3d4e5f")
@config_option
@click.argument("silence_id")
def unsilence(config_path: Path | None, silence_id: str) -> None:
    """End a silence now."""
    now = datetime.now(UTC)
    with closing(open_app_store(settings_from(config_path))) as store:
        found = [held for held in store.silences() if held.id == silence_id and held.ends_at > now]
        if not found:
            raise click.UsageError(f"no silence {silence_id!r} is in force; see: tapewatch alerts silences")
        ended = {name: getattr(found[0], name) for name in Silence.__dataclass_fields__}
        store.save_silence(Silence(**{**ended, "starts_at": min(found[0].starts_at, now), "ends_at": now}))
    click.echo(f"silence {silence_id} has ended")


def _show_silences(held: list[Silence], *, as_json: bool) -> None:
    rows = [{**as_row(found), "matchers": ", ".join(map(_matcher_text, found.matchers))} for found in held]
    columns = ("id", "matchers", "starts_at", "ends_at", "created_by", "comment")
    Output(as_json=as_json).rows(rows, title="Silences", columns=columns, empty="Nothing is silenced.")


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as err:
        raise click.UsageError(f"--for: {err}") from err


def _matcher(text: str) -> Matcher:
    """Read `name=value`, `name!=value`, `name=~pattern` or `name!~pattern`."""
    found = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*(.*?)\s*", text)
    if not found:
        raise click.UsageError(
            f"not a matcher: {text!r}; write name=value, name!=value, name=~pattern or name!~pattern"
        )
    name, operator, value = found.groups()
    made = Matcher(name=name, value=value.strip("\"'"), is_regex="~" in operator, is_equal="!" not in operator)
    if made.is_regex:
        try:
            re.compile(made.value)
        except re.error as err:
            raise ConfigurationError(f"{text!r}: not a regular expression: {err}") from err
    return made


def _matcher_text(matcher: Matcher) -> str:
    operators = {(True, False): "=", (True, True): "=~", (False, False): "!=", (False, True): "!~"}
    return f"{matcher.name}{operators[matcher.is_equal, matcher.is_regex]}{matcher.value}"


def _alert_row(alert: Alert) -> dict[str, object]:
    evidence = alert.evidence
    return {
        "rule": alert.rule,
        "entity": alert.series.entity,
        "topic": alert.series.topic,
        "state": alert.state.value,
        "since": alert.since_at,
        "seen": evidence.seen if evidence else None,
        "expected": evidence.expected if evidence else None,
        "p_value": evidence.p_value if evidence else None,
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
    }
