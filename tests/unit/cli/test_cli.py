"""The command line: help with examples, exit statuses, one-line errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.cli.alerts import _matcher, _matcher_text

VERBS = (
    "run", "demo", "replay", "classify", "train", "pretrain", "evaluate", "calibrate", "robustness", "rules", "models",
    "check-config", "alerts", "db", "dead-letters", "explain", "erase", "sources", "version",
)  # fmt: skip


def status(*arguments: str) -> int:
    """The exit status of one call."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, so that no configuration of the developer's is read."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer copies the example."""
    assert status(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"tapewatch {verb}" in shown


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts tell wrong usage from failed work."""
    assert status("run", "--stage", "nonsense") == 2
    assert "nonsense" in capsys.readouterr().err


def test_wrong_configuration_exits_with_2_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file, the key and what is allowed are named; nothing is created."""
    (tmp_path / "tapewatch.yaml").write_text("stream:\n  partitons: 3\n")

    assert status("run") == 2
    shown = capsys.readouterr().err
    assert "tapewatch.yaml" in shown
    assert "partitons" in shown
    assert "partitions" in shown
    assert not (tmp_path / "tapewatch.db").exists()


def test_check_config_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fine file is confirmed with what is in it."""
    (tmp_path / "my.yaml").write_text("sources: [{type: feed, name: wire, url: 'https://example.org/feed'}]\n")

    assert status("check-config", "--config", "my.yaml") == 0
    assert "1 sources" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("series", "said"),
    [("[ACME, NOPE]", "rule R: series.entity: NOPE not in the watchlist"), ("each", "each matches nothing")],
)
def test_check_config_refuses_a_rule_that_matches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], series: str, said: str
) -> None:
    """It would be silent for ever."""
    watchlist = "watchlist: {entities: [{ticker: ACME, name: Acme}]}" if series != "each" else ""
    path = tmp_path / "my.yaml"
    rules = f"alerting: {{rules: [{{name: R, series: {{entity: {series}}}}}]}}"
    path.write_text(f"{rules}\n{watchlist}\n", encoding="utf-8")
    assert status("check-config", "--config", str(path)) == 2
    assert said in capsys.readouterr().err


def test_check_config_reads_the_file_of_the_watchlist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether or not a rule was written: the daemon would refuse it."""
    (tmp_path / "watched.csv").write_text("ticker;name\nACME;Acme\n", encoding="utf-8")
    (tmp_path / "my.yaml").write_text("watchlist: {file: watched.csv}\n", encoding="utf-8")
    assert status("check-config", "--config", "my.yaml") == 2
    assert "watched.csv, line 1" in capsys.readouterr().err


def test_check_config_prints_effective_values_with_secrets_masked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A printed configuration can be pasted into a ticket."""
    monkeypatch.setenv("TAPEWATCH_WEB__TOKEN", "hunter2-hunter2")

    assert status("check-config", "--print") == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert "evaluate_every: 1m" in shown


def test_version_in_a_pipe_is_plain_and_json_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """`tapewatch version --json` names what it stands on."""
    assert status("version", "--json") == 0
    assert {"tapewatch", "python", "torch"} <= json.loads(capsys.readouterr().out).keys()


def test_alerts_of_an_empty_database_are_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    """No alert is no error."""
    assert status("alerts", "list", "--json") == 0
    assert capsys.readouterr().out == ""


def test_a_silence_can_be_made_listed_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    """The life of a silence on the command line."""
    assert status("alerts", "silence", "entity=ACME", "--for", "2h", "--comment", "known", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert status("alerts", "silences", "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == made["id"]
    assert status("alerts", "unsilence", made["id"]) == 0
    capsys.readouterr()
    assert status("alerts", "silences", "--json") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", ["entity=ACME", "entity!=ACME", "entity=~A.*", "entity!~A.*"])
def test_matchers_read_and_write_alertmanagers_notation(text: str) -> None:
    """What is shown can be typed again."""
    assert _matcher_text(_matcher(text)) == text


@pytest.mark.parametrize("text", ["entity", "=x", "entity=~["])
def test_a_matcher_that_cannot_be_read_exits_with_2(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A silence that silences nothing, or everything, is never made by mistake."""
    assert status("alerts", "silence", text, "--for", "1h", "--comment", "c") == 2
    assert text in capsys.readouterr().err
