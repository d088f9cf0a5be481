"""`tapewatch alerts verdict`, `correct` and their exports: what people say of alerts and labels."""

from __future__ import annotations

import csv
import getpass
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.app.store import open_app_store
from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output, as_row
from monitor.domain import ALL, TOPICS, Sentiment, VerdictKind
from monitor.spreadsheet import as_cells

EVENT_COLUMNS = ("entity", "start", "end", "description", "expect")
by_option = click.option("--by", help="Who says so. Default: your user name.")


def read_instant(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """An instant as ISO 8601 writes it; without a zone it is UTC."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError as err:
        raise click.BadParameter(f"not an instant: {value!r}; write 2026-03-02T14:05Z") from err
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _topic(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """One of the model's topics, in whatever case it is typed."""
    found = {topic.lower(): topic for topic in TOPICS}
    if value is not None and value.lower() not in found:
        raise click.BadParameter(f"no topic {value!r}; there are: {', '.join(TOPICS)}")
    return value and found[value.lower()]


@click.command(cls=Verb, example="tapewatch alerts verdict 3f2a9c false --note 'a bot copied one template'")
@config_option
@json_option
@click.argument("fingerprint")
@click.argument("verdict", type=click.Choice([kind.value for kind in VerdictKind]))
@click.option("--at", callback=read_instant, help="The episode that had fired by then. Default: the last one.")
@click.option("--note", default="", help="Why.")
@by_option
def verdict(  # noqa: PLR0913 - one for each thing that is said
    config_path: Path | None, *, as_json: bool, fingerprint: str, verdict: str, at: datetime | None, note: str,
    by: str | None,
) -> None:  # fmt: skip
    """Say that an alert was useful, false or a duplicate; the last word counts."""
    from monitor.app.verdicts import say_verdict

    with closing(open_app_store(settings_from(config_path))) as store:
        said = say_verdict(
            store, fingerprint, VerdictKind(verdict), at=at, by=by or _user(), note=note, now=datetime.now(UTC)
        )
    columns = ("rule", "fired_at", "verdict", "by", "note", "fingerprint")
    row = {**as_row(said), "verdict": said.verdict.value}
    Output(as_json=as_json).rows([row], title="Recorded", columns=columns, empty="")


@click.command("export-verdicts", cls=Verb,
               example="tapewatch alerts export-verdicts > verdicts.jsonl\n"
               "tapewatch alerts export-verdicts --events > events.csv")  # fmt: skip
@config_option
@click.option("--events", is_flag=True, help="As labelled events (CSV), which replay --labels and rules tune read.")
def export_verdicts(config_path: Path | None, *, events: bool) -> None:
    """Write every verdict with the evidence of its alert as JSON lines."""
    from monitor.app.verdicts import event_rows, verdict_rows

    with closing(open_app_store(settings_from(config_path))) as store:
        if not events:
            Output(as_json=True).rows(verdict_rows(store), title="", columns=(), empty="")
            return
        writer = csv.DictWriter(sys.stdout, EVENT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(as_cells(row) for row in event_rows(store))


@click.command(cls=Verb, example="tapewatch alerts correct 0a1b2c --entity ACME --sentiment positive")
@config_option
@json_option
@click.argument("document")
@click.option("--entity", default=ALL, help="A ticker that the document names; left out: the text as a whole.")
@click.option("--sentiment", type=click.Choice([sentiment.value for sentiment in Sentiment]))
@click.option("--topic", callback=_topic, help="One of the model's topics; of the text as a whole.")
@by_option
def correct(  # noqa: PLR0913 - one for each thing that is said
    config_path: Path | None, *, as_json: bool, document: str, entity: str, sentiment: str | None, topic: str | None,
    by: str | None,
) -> None:  # fmt: skip
    """Say what the model should have answered on a document; counts and alerts stay as they are."""
    from monitor.app.verdicts import correct_label

    if sentiment is None and topic is None:
        raise click.UsageError("say what is right: --sentiment, --topic or both")
    with closing(open_app_store(settings_from(config_path))) as store:
        corrected = correct_label(
            store, document, entity=entity if entity == ALL else entity.upper(),
            sentiment=Sentiment(sentiment) if sentiment else None, topic=topic, by=by or _user(), now=datetime.now(UTC),
        )  # fmt: skip
    row = {**as_row(corrected), "sentiment": sentiment}
    columns = ("document_id", "entity", "sentiment", "topic", "text", "by")
    Output(as_json=as_json).rows([row], title="Recorded", columns=columns, empty="")


@click.command("export-labels", cls=Verb,
               example="tapewatch alerts export-labels --out corrected\n"
               "tapewatch train --from small --data corrected/entities.csv --out small-mine")  # fmt: skip
@config_option
@json_option
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write.")
def export_labels(config_path: Path | None, *, as_json: bool, out: Path) -> None:
    """Write corrected labels as the tables that `tapewatch train --from` and `tapewatch evaluate` read."""
    from monitor.app.corrections import export_corrections

    written, left_out = export_corrections(settings_from(config_path), out)
    if left_out:
        click.echo(f"{left_out} left out: their texts do not name the entity", err=True)
    shown = [{"file": str(path), "rows": number} for path, number in written.items()]
    Output(as_json=as_json).rows(shown, title="Written", columns=("file", "rows"), empty="Nothing was corrected yet.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return ""
