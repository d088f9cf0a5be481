"""`tapewatch stories`: what was told, as JSON lines; an unknown story fails the work, a wrong option the usage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.cli import main
from tests.fixtures.stores import add, label, opened_store


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration whose database holds one story of two documents, and one of the week before."""
    store, now = opened_store(f"sqlite:///{tmp_path / 'tapewatch.db'}"), datetime.now(UTC)
    told = [
        label("a", story="s1", at=now - timedelta(hours=2), title="Acme recalls [all] rockets"),
        label("b", story="s1", at=now - timedelta(hours=1), source="two"),
        label("old", story="s0", at=now - timedelta(days=7)),
    ]
    add(store, told, first=0)
    store.close()
    path = tmp_path / "tapewatch.yaml"
    path.write_text(f"database: {{url: 'sqlite:///{tmp_path / 'tapewatch.db'}'}}\n")
    return str(path)


def run(*arguments: str) -> int:
    """The exit status of the command line."""
    with pytest.raises(SystemExit) as caught:
        main(["stories", *arguments])
    return int(caught.value.code or 0)


def test_list_shows_what_was_told_since_then(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A day by default; an entity is found in whatever case it is typed."""
    assert run("list", "--config", config, "--json") == 0
    [row] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["story_id"], row["reach"], row["title"]) == ("s1", 2, "Acme recalls [all] rockets")

    assert run("list", "--config", config, "--entity", "acme", "--since", "30d", "--json") == 0
    assert [json.loads(line)["story_id"] for line in capsys.readouterr().out.splitlines()] == ["s1", "s0"]


def test_show_prints_every_document(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what it is counted for, so that a count can be checked by hand."""
    assert run("show", "s1", "--config", config, "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())

    assert (first["id"], first["sentiment"], first["counted_for"]) == ("a", "negative", ["all", "ACME"])
    assert (second["source"], second["counted_for"]) == ("two", [])


def test_an_unknown_story_fails(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A script that asks for what is gone must notice."""
    assert run("show", "nothing", "--config", config) == 1
    assert "no story 'nothing' is kept" in capsys.readouterr().err


def test_a_wrong_span_is_wrong_usage(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before the database is opened."""
    assert run("list", "--since", "soon", "--config", config) == 2
    assert "--since" in capsys.readouterr().err
