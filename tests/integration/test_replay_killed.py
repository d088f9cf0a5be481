"""A replay that was killed in the middle goes on, and ends as if nothing had happened."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from monitor.app.replay_folder import read_state
from monitor.cli import main
from pipelines.replay import CHUNK
from tests.fixtures.processes import started
from tests.fixtures.recorded_stream import Recorded, record

WAIT_S = 120.0
CHUNKS = 3  #: And a bit.


def replay(recorded: Recorded, state: Path, out: Path) -> list[dict[str, object]]:
    """The transitions of a replay in `state`."""
    with pytest.raises(SystemExit) as left:
        main(["replay", *recorded.arguments, "--state", str(state), "--out", str(out)])
    assert not left.value.code
    return [json.loads(line) for line in out.read_text().splitlines()]


def wait_until_counted(state: Path, documents: int) -> None:
    """Return as soon as so many documents are counted, and not all are."""
    deadline_s = time.monotonic() + WAIT_S
    while (found := read_state(state) if state.exists() else None) is None or found.documents < documents:
        assert time.monotonic() < deadline_s, "the replay did not get there"
        time.sleep(0.01)
    assert not found.counted


@pytest.mark.parametrize("times", [1, 2])
def test_a_killed_replay_gives_the_same_transitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """SIGKILL while it counts, once or at two places: no document is lost, none is counted twice."""
    monkeypatch.chdir(tmp_path)
    recorded = record(tmp_path, days=20, a_day=(CHUNKS * CHUNK + 500) // 20)
    whole = replay(recorded, tmp_path / "whole", tmp_path / "whole.jsonl")

    for number in range(times):
        arguments = ["replay", *recorded.arguments, "--state", str(tmp_path / "killed")]
        with started("monitor", *arguments) as child:
            wait_until_counted(tmp_path / "killed", (number + 1) * CHUNK)
            child.kill()
    resumed = replay(recorded, tmp_path / "killed", tmp_path / "killed.jsonl")

    assert resumed == whole
    assert any(each["after"] == "firing" for each in whole)
    states = [read_state(tmp_path / name) for name in ("whole", "killed")]
    assert [(state.documents, state.refused) for state in states if state] == [(6512, 0), (6512, 0)]


def test_two_replays_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second says so and leaves."""
    recorded = record(tmp_path, days=20, a_day=(CHUNKS * CHUNK) // 20)
    arguments = ["replay", *recorded.arguments, "--state", str(tmp_path / "state")]

    with started("monitor", *arguments):
        wait_until_counted(tmp_path / "state", 0)
        with pytest.raises(SystemExit) as left:
            main(arguments)

    assert left.value.code == 2
    assert "another replay works in it" in capsys.readouterr().err
