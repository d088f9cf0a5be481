"""`tapewatch db`: the schema of the database, backups of the embedded defaults, a bus that was lost."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from monitor.cli.options import Verb, VerbGroup, config_option, json_option, settings_from
from monitor.console import Output
from monitor.store import open_store


@click.group(cls=VerbGroup, example="tapewatch db current\ntapewatch db upgrade\ntapewatch db backup backups/monday")
def db() -> None:
    """Look after the database."""


@db.command(cls=Verb, example="tapewatch db current --json")
@config_option
@json_option
def current(config_path: Path | None, *, as_json: bool) -> None:
    """Show the version of the schema, and the one that this program wants."""
    with closing(open_store(settings_from(config_path).database)) as store:
        version = store.schema_version()
    output = Output(as_json=as_json)
    if output.as_json:
        output.line({"held": version.held, "wanted": version.wanted, "current": version.held == version.wanted})
        return
    state = "up to date" if version.held == version.wanted else "run: tapewatch db upgrade"
    output.say(f"the database has {version.held or 'no schema'}, this program wants {version.wanted}: {state}")


@db.command(cls=Verb, example="tapewatch db upgrade")
@config_option
def upgrade(config_path: Path | None) -> None:
    """Bring the schema up to date; the daemon does so too when it starts."""
    with closing(open_store(settings_from(config_path).database)) as store:
        before = store.schema_version()
        store.upgrade()
    done = "was up to date" if before.held == before.wanted else f"upgraded from {before.held or 'nothing'}"
    click.echo(f"schema {before.wanted}: {done}")


@db.command(cls=Verb, example="tapewatch db backup backups/monday")
@config_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def backup(config_path: Path | None, folder: Path) -> None:
    """Copy the SQLite database and the embedded log into FOLDER, while the daemon runs."""
    from monitor.app.backup import back_up

    for copy in back_up(settings_from(config_path), folder):
        click.echo(f"{copy}: {copy.stat().st_size} bytes")


@db.command("forget-offsets", cls=Verb, example="tapewatch db forget-offsets --yes")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_offsets(config_path: Path | None, *, yes: bool) -> None:
    """Count a bus that was lost or made anew from its beginning; stop every aggregate stage first."""
    if not yes:
        click.confirm("Forget how far the bus is counted? What was counted is known by its ids.", abort=True)
    with closing(open_store(settings_from(config_path).database)) as store:
        click.echo(f"{store.forget_offsets()} partitions are counted from their beginning at the next start")
        click.echo(
            f"{store.forget_uncounted()} documents that were not counted are taken again when a source gives them"
        )
