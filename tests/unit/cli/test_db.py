"""`tapewatch db`: look, upgrade, copy; every refusal says what to do."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from monitor.cli import main
from tests.fixtures.stores import add, label, opened_store


def status(*arguments: str) -> int:
    """The exit status of one call."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_database_is_looked_at_and_upgraded(capsys: pytest.CaptureFixture[str]) -> None:
    """Looking upgrades nothing; the upgrade says what it did."""
    assert status("db", "current", "--json") == 0
    assert json.loads(capsys.readouterr().out)["held"] is None
    assert status("db", "upgrade") == 0
    assert "upgraded from nothing" in capsys.readouterr().out
    assert status("db", "upgrade") == 0
    assert "was up to date" in capsys.readouterr().out
    assert status("db", "current", "--json") == 0
    assert json.loads(capsys.readouterr().out)["current"] is True


def test_a_backup_is_whole_and_its_owners_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied while the database is open and has a log beside it."""
    with closing(opened_store(f"sqlite:///{tmp_path}/tapewatch.db")) as store:
        add(store, [label("a"), label("b")], first=0)
        with closing(sqlite3.connect("tapewatch-log.db")) as log, log:
            log.execute("CREATE TABLE t (x)")
        assert status("db", "backup", "copies/monday") == 0
    copies = [Path("copies/monday/tapewatch.db"), Path("copies/monday/tapewatch-log.db")]
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(map(str, copies))
    assert {stat.S_IMODE(copy.stat().st_mode) for copy in copies} == {0o600}
    assert sorted(Path("copies/monday").iterdir()) == sorted(copies)
    with closing(sqlite3.connect(copies[0])) as copied:
        assert copied.execute("SELECT COUNT(*) FROM counted_documents").fetchone() == (2,)


def test_a_backup_overwrites_nothing_and_makes_nothing_up(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong folder of configuration would make an empty copy, and a second backup would spoil the first."""
    assert status("db", "backup", "copies") == 2
    assert "tapewatch.db: there is no such file" in capsys.readouterr().err
    assert status("db", "upgrade") == 0
    Path("tapewatch-log.db").touch()
    assert status("db", "backup", "copies") == 0
    assert status("db", "backup", "copies") == 2
    assert "stands there already" in capsys.readouterr().err


def test_a_server_has_tools_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No file is copied that is not there."""
    monkeypatch.setenv("TAPEWATCH_DATABASE__URL", "postgresql://u:secret@localhost/none")
    assert status("db", "backup", "copies") == 2
    said = capsys.readouterr().err
    assert "pg_dump" in said
    assert "secret" not in said


def test_forgetting_asks_first(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody does it by a slip."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert status("db", "upgrade") == 0
    assert status("db", "forget-offsets") == 1
    assert status("db", "forget-offsets", "--yes") == 0
    assert "0 partitions" in capsys.readouterr().out
