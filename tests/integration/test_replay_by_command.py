"""`tapewatch replay` from end to end: the live stages over a recorded stream, a score, and all that goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli import main
from tests.fixtures.recorded_stream import BURST_AT, Recorded, record

Row = dict[str, object]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Twenty days of two companies, one of which halts its plant."""
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def counted(recorded: Recorded) -> Path:
    """The folder of a replay that counted the stream."""
    folder = recorded.documents.parent / "counted"
    assert status("replay", *recorded.arguments, "--state", str(folder)) == 0
    return folder


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of its own, and no configuration of the developer's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def status(*arguments: str) -> int:
    """The exit status of one call."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def rows(capsys: pytest.CaptureFixture[str], kind: str) -> list[Row]:
    """What was written of one kind."""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [row for row in found if row["kind"] == kind]


def rules(folder: Path, text: str, name: str = "rules.yaml") -> str:
    """A rules file that holds one rule."""
    path = folder / name
    path.write_text("rules:\n- {name: bad-news, windows: [1h], " + text + "}\n")
    return str(path)


def test_a_burst_is_found_and_scored_against_the_event(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The alert, its story, and a score with intervals; transitions go to a file."""
    out = tmp_path / "transitions.jsonl"
    capsys.readouterr()
    labels = ("--labels", str(recorded.events), "--out", str(out))

    assert status("replay", *recorded.arguments, "--state", str(counted), *labels) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    alert, score = lines
    assert (alert["entity"], alert["true"], alert["event"]) == ("ACME", True, "plant halted")
    assert alert["fired_at"] == "2026-01-21T14:30:00+00:00"
    assert (score["alerts"], score["found"], score["events"], score["on_quiet"]) == (1, 1, 1, 0)
    assert score["median_lead_s"] == -1800.0
    assert score["recall"]["low"] < 1.0 == score["recall"]["high"]
    after = [json.loads(line)["after"] for line in out.read_text().splitlines()]
    assert after[:1] == ["firing"]
    assert after[-1] == "resolved"


def test_other_rules_are_replayed_on_what_is_counted_already(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A second rule costs neither model time nor counting: not even the documents are read."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("documents are read again")

    monkeypatch.setattr("monitor.app.replay_history.read_documents", refuse)
    other = rules(tmp_path, "method: threshold, sensitivity: 50")

    assert status("replay", *recorded.arguments, "--state", str(counted), "--rules", other) == 0
    assert [row["alerts"] for row in rows(capsys, "score")] == [0]


def test_two_rule_files_stand_side_by_side(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Which events only one of them finds is said."""
    keen = rules(tmp_path, "method: threshold, sensitivity: 6", "keen.yaml")
    deaf = rules(tmp_path, "method: threshold, sensitivity: 50", "deaf.yaml")
    capsys.readouterr()
    files = ("--rules", keen, "--compare", deaf, "--labels", str(recorded.events))

    assert status("replay", *recorded.arguments, "--state", str(counted), *files) == 0

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["rules"], row["found"]) for row in found if row["kind"] == "score"] == [
        ("keen.yaml", 1), ("deaf.yaml", 0),
    ]  # fmt: skip
    (difference,) = [row for row in found if row["kind"] == "difference"]
    assert difference["found_only_by"]["deaf.yaml"] == []
    assert "plant halted" in difference["found_only_by"]["keen.yaml"][0]


def test_only_what_lies_in_the_span_is_judged(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Choose on one part, report on another."""
    before = BURST_AT.date().isoformat()
    capsys.readouterr()

    assert status("replay", *recorded.arguments, "--state", str(counted), "--until", before) == 0
    assert [row["alerts_a_week"] for row in rows(capsys, "score")] == [0.0]


def test_a_replay_in_the_cache_is_found_again(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without --state too; its folder holds no copy of the log."""
    assert status("replay", *recorded.arguments) == 0
    (folder,) = (tmp_path / "cache" / "tapewatch" / "replays").iterdir()
    written = (folder / "state.json").stat().st_mtime_ns

    assert status("replay", *recorded.arguments) == 0
    assert (folder / "state.json").stat().st_mtime_ns == written
    assert not list(folder.glob("replay-log*"))
    assert status("replay", *recorded.arguments, "--fresh") == 0
    assert (folder / "state.json").stat().st_mtime_ns > written


def test_the_oldest_replays_leave_the_cache(recorded: Recorded, tmp_path: Path) -> None:
    """Three are kept."""
    lines = recorded.documents.read_text().splitlines(keepends=True)
    for number in range(5):
        part = tmp_path / "part.jsonl"
        part.write_text("".join(lines[: 300 + number]))
        options = ("--labels-cache", str(recorded.labels), "--config", str(recorded.config))
        assert status("replay", "--input", str(part), *options) == 0

    assert len(list((tmp_path / "cache" / "tapewatch" / "replays").iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no document"),
        ('{"text": "no date"}\n', "every one of 1 documents was refused"),
        (
            '{"text": "ACME ships", "published_at": "2026-01-05T00:00:00Z", "entities": ["ACME"], "id": "a"}\n',
            "history is too short",
        ),
    ],
)
def test_a_history_on_which_no_rule_could_speak_is_refused(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, said: str
) -> None:
    """With the remedy, and exit status 2."""
    path = tmp_path / "documents.jsonl"
    path.write_text(text)
    labels = tmp_path / "labels"
    _answer_all(labels, ["ACME ships"])
    options = ("--labels-cache", str(labels), "--config", str(recorded.config))

    assert status("replay", "--input", str(path), *options) == 2
    assert said in capsys.readouterr().err


def _answer_all(folder: Path, texts: list[str]) -> None:
    from tests.fixtures.recorded_stream import _label

    _label(folder, [{"text": text, "entities": ["ACME"]} for text in texts])  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("ACME,2031-01-01T00:00:00Z", "no event lies in the data"),
        ("STRANGER,2026-01-10T00:00:00Z", "STRANGER"),
        ("ACME,tomorrow", "line 2"),
    ],
)
def test_events_that_no_alert_could_be_about_are_refused(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, event: str, said: str
) -> None:
    """A recall of nothing is no figure."""
    path = tmp_path / "events.csv"
    path.write_text(f"entity,start\n{event}\n")

    assert status("replay", *recorded.arguments, "--state", str(counted), "--labels", str(path)) == 2
    assert said in capsys.readouterr().err


def test_some_events_outside_of_the_data_are_said_and_left_out(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """So that the recall is over what could be found."""
    path = tmp_path / "events.csv"
    path.write_text(f"entity,start\nACME,{BURST_AT.isoformat()}\nACME,2031-01-01\nSTRANGER,2026-01-10\n")

    assert status("replay", *recorded.arguments, "--state", str(counted), "--labels", str(path)) == 0
    shown = capsys.readouterr()
    assert "1 of 3 events lie outside" in shown.err
    assert "STRANGER" in shown.err
    assert json.loads(shown.out.splitlines()[-1])["events"] == 1


def test_a_folder_of_something_else_is_left_alone(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Neither another replay's nor the user's documents are written over."""
    other = tmp_path / "other.jsonl"
    other.write_text(recorded.documents.read_text()[:-1] + " \n")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("do not delete")
    options = ("--labels-cache", str(recorded.labels), "--config", str(recorded.config), "--fresh")

    assert status("replay", "--input", str(other), *options, "--state", str(counted)) == 2
    assert "another input" in capsys.readouterr().err
    assert status("replay", "--input", str(other), *options, "--state", str(mine)) == 2
    assert "thesis.txt" in capsys.readouterr().err
    assert (mine / "thesis.txt").read_text() == "do not delete"


def test_a_table_for_people_says_what_was_missed(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    """On a terminal."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    deaf = rules(tmp_path, "method: threshold, sensitivity: 50")
    arguments = ("--state", str(counted), "--rules", deaf, "--labels", str(recorded.events))

    assert status("replay", *recorded.arguments, *arguments) == 0
    shown = capsys.readouterr().out
    assert "No alert in 492 documents" in shown
    assert "missed by bad-news: ACME 2026-01-21 14:00 plant halted" in shown


def test_tuning_shows_what_each_setting_buys_and_that_it_was_tuned(
    recorded: Recorded, counted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A keen setting finds, a deaf one does not; the split and its meaning are said; the picture is a PNG."""
    picture, events = tmp_path / "tune.png", tmp_path / "events.csv"
    events.write_text(f"entity,start\nACME,{BURST_AT.isoformat()}\n")
    capsys.readouterr()
    choice = ("--choose-until", "2026-01-23", "--setting", "6", "--setting", "50", "--picture", str(picture))
    where = ("--state", str(counted), "--labels", str(events))

    assert status("rules", "tune", *recorded.arguments, *where, *choice) == 0

    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert [(row["setting"], row["found_before"], row["chosen"]) for row in found] == [(6, 1, True), (50, 0, False)]
    assert [row["events_after"] for row in found] == [0, 0]
    assert "better than they are" in shown.err
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_every_alert_is_drawn_as_it_began_to_fire(recorded: Recorded, counted: Path, tmp_path: Path) -> None:
    """One PNG an alert, named by time; of two sets of rules each in a folder of its own."""
    keen = rules(tmp_path, "method: threshold, sensitivity: 6", "keen.yaml")
    pictures = tmp_path / "pictures"
    where = ("--state", str(counted), "--pictures", str(pictures))

    assert status("replay", *recorded.arguments, *where) == 0
    assert [path.name for path in pictures.iterdir()] == ["2026-01-21T1430-bad-news-ACME-all.png"]
    assert status("replay", *recorded.arguments, *where, "--rules", keen, "--compare", keen) == 0
    drawn = next(iter((pictures / "keen").iterdir()))
    assert drawn.read_bytes() == next(iter(pictures.glob("*.png"))).read_bytes()
    assert drawn.read_bytes().startswith(b"\x89PNG")
