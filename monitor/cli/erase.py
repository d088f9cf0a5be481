"""`tapewatch erase`: a document or an author, gone from wherever it is kept."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.options import Verb, config_option, json_option, settings_from
from monitor.console import Output

COLUMNS = ("place", "found", "outcome")


@click.command(
    cls=Verb, example="tapewatch erase --author 'Jane Doe' --dry-run\ntapewatch erase --id sha256-0a1b2c --yes"
)
@config_option
@json_option
@click.option("--author", help="Everything by this author; capitals do not matter.")
@click.option("--id", "id_", help="One document, by its id.")
@click.option("--dry-run", is_flag=True, help="Only count what is there.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(
    config_path: Path | None, *, as_json: bool, author: str | None, id_: str | None, dry_run: bool, yes: bool
) -> None:
    """Erase a document or an author from evidence, stories, alerts, dead letters and the embedded log.

    Counts stay. Kafka keeps its records until the retention of the topic; the rows say until when.
    """
    from monitor.app import erasing
    from pipelines.erasure import Sought

    if bool((author or "").strip()) == bool((id_ or "").strip()):
        raise click.UsageError("name what to erase: --author or --id, one of them")
    settings, sought = settings_from(config_path), Sought(id=id_ or None, author=author or None)
    if not (dry_run or yes):
        click.confirm("Erase for good? There is no way back; --dry-run only counts.", abort=True)
    output = Output(as_json=as_json)
    rows = erasing.erase(settings, sought, dry_run=dry_run)
    output.rows(rows, title="Erased", columns=COLUMNS, empty="Nothing is kept of it.")
