"""`tapewatch sources`: one line a source, for people and programs, and an exit status for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from monitor.cli.sources import _for_people
from monitor.ports import SourceState
from monitor.settings.load import load_settings
from monitor.store import Store, open_store

MINUTE = timedelta(minutes=1)
CONFIG = """
sources:
  - {type: feed, name: wire, url: 'https://example.org/feed'}
  - {type: file, name: archive, path: archive.jsonl, source_class: filing}
"""


def status(*arguments: str) -> int:
    """The exit status of one call."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


@pytest.fixture
def now() -> datetime:
    """The present of one test: the command has a clock of its own, and a long run of tests outlives one instant."""
    return datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The database that the command line finds in its folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tapewatch.yaml").write_text(CONFIG)
    opened = open_store(load_settings(tmp_path / "tapewatch.yaml", {}).database)
    opened.upgrade()
    yield opened
    opened.close()


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was printed, by source."""
    return {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_every_configured_source_has_a_row_in_the_order_of_the_configuration(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that was never asked: what is missing must be seen."""
    assert status("sources", "--json", "--check") == 0
    shown = rows(capsys)
    assert list(shown) == ["wire", "archive", "push"]
    assert {row["state"] for row in shown.values()} == {"unknown"}
    assert shown["archive"] == {
        "name": "archive", "type": "file", "class": "filing", "state": "unknown", "reason": "nobody has asked it yet",
        "last_success_at": None, "last_document_at": None, "documents_24h": 0, "coverage_24h": None,
        "next_poll_at": None, "last_error": None,
    }  # fmt: skip


def test_a_healthy_source_shows_what_it_gave(now: datetime, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Documents of the last day and the share of it that was looked at."""
    store.save_source_state(SourceState(source="wire", last_success_at=now, next_poll_at=now + MINUTE))
    for hours, documents in ((30, 5), (1, 2), (0, 1)):
        store.add_coverage("wire", at=now - hours * 60 * MINUTE, polls=1, failures=0, documents=documents)

    assert status("sources", "--json", "--check") == 0
    row = rows(capsys)["wire"]
    assert (row["state"], row["documents_24h"]) == ("healthy", 3)
    assert row["coverage_24h"] == pytest.approx(2 / 96)
    assert row["last_success_at"] == now.isoformat()


@pytest.mark.parametrize(("check", "left"), [(("--check",), 1), ((), 0)])
def test_check_exits_with_1_when_a_source_is_dead(
    now: datetime, store: Store, capsys: pytest.CaptureFixture[str], check: tuple[str, ...], left: int
) -> None:
    """A cron job needs no parser; a list alone is no failure."""
    refusal = SourceState(source="wire", failures=1, last_error="HTTP 410", refused=True, last_success_at=now)
    store.save_source_state(refusal)
    assert status("sources", "--json", *check) == left
    row = rows(capsys)["wire"]
    assert (row["state"], row["reason"], row["last_error"]) == ("dead", "it refuses: HTTP 410", "HTTP 410")


def test_a_failing_or_silent_source_does_not_fail_the_check(
    now: datetime, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may recover by itself."""
    store.save_source_state(SourceState(source="wire", failures=1, last_error="HTTP 503", last_success_at=now))
    assert status("sources", "--json", "--check") == 0
    assert rows(capsys)["wire"]["state"] == "failing"


def test_people_read_ages_and_percentages(now: datetime, store: Store) -> None:
    """The table fits a terminal."""
    from monitor.app.source_health import source_reports

    settings = load_settings(Path("tapewatch.yaml"), {})
    store.save_source_state(SourceState(source="wire", last_success_at=now - 3 * MINUTE, next_poll_at=now + 2 * MINUTE))
    store.add_coverage("wire", at=now - 3 * MINUTE, polls=1, failures=0, documents=12)
    wire, _, push = source_reports(settings, store, now)
    shown = _for_people(wire, now)
    assert (shown["source"], shown["success"], shown["next poll"]) == ("wire (feed, news)", "3m ago", "in 2m")
    assert str(shown["24 h"]).startswith("12 new, ")
    assert (_for_people(push, now)["source"], _for_people(push, now)["document"]) == ("push (push)", "never")
