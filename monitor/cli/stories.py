"""`tapewatch stories`: what was told most, and every document that tells a story."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from monitor.app.store import open_app_store
from monitor.cli.options import Verb, VerbGroup, config_option, json_option, settings_from
from monitor.console import Output, as_row
from monitor.domain import StoryDocument
from monitor.durations import parse_duration
from monitor.errors import MonitorError


@click.group(cls=VerbGroup, example="tapewatch stories list --entity ACME --since 6h\ntapewatch stories show 0a1b2c3d")
def stories() -> None:
    """Show stories and who tells them."""


@stories.command("list", cls=Verb, example="tapewatch stories list --entity ACME --since 6h --limit 10")
@config_option
@json_option
@click.option("--entity", help="A ticker; left out: every story.")
@click.option("--since", default="24h", show_default=True, help="How far back, by the dates of the documents.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
def list_stories(config_path: Path | None, *, as_json: bool, entity: str | None, since: str, limit: int) -> None:
    """List the stories told most, of equals the latest first."""
    at = datetime.now(UTC) - _length(since)
    with closing(open_app_store(settings_from(config_path))) as store:
        found = store.stories(since=at, entity=entity.upper() if entity else None, limit=limit)
    columns = ("reach", "last_published_at", "source", "title", "story_id")
    Output(as_json=as_json).rows(map(as_row, found), title="Stories", columns=columns, empty="No story was told.")


@stories.command(cls=Verb, example="tapewatch stories show 0a1b2c3d4e5f60718293a4b5c6d7e8f9")
@config_option
@json_option
@click.argument("story_id")
def show(config_path: Path | None, *, as_json: bool, story_id: str) -> None:
    """Show every document that tells a story, the earliest first."""
    with closing(open_app_store(settings_from(config_path))) as store:
        found = store.story_documents(story_id)
    if not found:
        raise MonitorError(f"no story {story_id!r} is kept; see: tapewatch stories list")
    output = Output(as_json=as_json)
    rows = [as_row(document) if output.as_json else _shown(document) for document in found]
    columns = ("published_at", "source", "author", "title", "sentiment", "novelty", "counted_for", "url")
    output.rows(rows, title=f"Story {story_id}", columns=columns, empty="")


def _shown(document: StoryDocument) -> dict[str, object]:
    """As a row of a table."""
    novelty = (f"{entity} {'/'.join(map(str, values))}" for entity, values in document.novelty.items() if values)
    return as_row(document) | {"novelty": ", ".join(novelty), "counted_for": ", ".join(document.counted_for)}


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as err:
        raise click.UsageError(f"--since: {err}") from err
