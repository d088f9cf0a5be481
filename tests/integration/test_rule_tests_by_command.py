"""`tapewatch rules test`: stories in, transitions out, through the store and the evaluator that run live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli import main

RULES = "rules:\n- {name: wave, windows: [1h], method: threshold, sensitivity: 5, no_data_after: 0}\n"
BURST = "counts: [{entity: ACME, negative: 0x72 20, neutral: 2x75}]"
FIRES = "{at: 3d15m, within: 2m, state: firing, entity: ACME}"
ENDS = "{at: 3d2h, within: 1h, state: resolved, entity: ACME}"


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of the developer's."""
    monkeypatch.chdir(tmp_path)


def run(folder: Path, *tests: str, head: str = RULES) -> int:
    """The exit status of `rules test` on a file with these tests."""
    path = folder / "wave_test.yaml"
    path.write_text(f"{head}evaluate_every: 1m\ntests:\n" + "".join(f"- {{name: t, {test}}}\n" for test in tests))
    with pytest.raises(SystemExit) as left:
        main(["rules", "test", str(path), "--json"])
    return int(left.value.code or 0)


def outcomes(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was written, a line a test."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_burst_fires_and_ends_as_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every transition that people hear of is expected, none is left."""
    assert run(tmp_path, f"{BURST}, expect: [{FIRES}, {ENDS}]") == 0
    assert outcomes(capsys)[0]["passed"] is True


def test_as_many_neutral_stories_do_not_fire(tmp_path: Path) -> None:
    """A test without expectations promises silence."""
    assert run(tmp_path, "counts: [{entity: ACME, neutral: 2x72 20}]") == 0


def test_copies_of_one_story_count_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Documents one by one, with a story that is copied."""
    copy = "{at: 3d, entities: [ACME], sentiment: negative, story: s, source: wire}"
    background = "counts: [{entity: ACME, neutral: 2x75}]"

    assert run(tmp_path, f"{background}, documents: [{', '.join([copy] * 20)}]") == 0
    apart = ", ".join(copy.replace("story: s", f"story: s{n}").replace("wire", f"wire{n}") for n in range(20))
    assert run(tmp_path, f"{background}, documents: [{apart}]") == 1
    assert "firing" in str(outcomes(capsys)[-1]["unexpected"])


def test_what_did_not_happen_and_what_did_are_both_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a difference, with the numbers that were seen; exit status 1."""
    wrong = "{at: 3d1m, state: firing, entity: RIVAL}"

    assert run(tmp_path, f"{BURST}, expect: [{wrong}, {ENDS}]", "counts: [{entity: ACME, neutral: 2x5}]") == 1

    first, second = outcomes(capsys)
    assert first["missing"] == ["3d1m RIVAL/all/all firing"]
    assert "wave ACME/all/all firing: 5 negative stories" in str(first["unexpected"])
    assert second["passed"] is True


def test_a_transition_at_the_wrong_minute_is_not_the_expected_one(tmp_path: Path) -> None:
    """`within` says how exact a test is."""
    early = FIRES.replace("3d15m", "3d12m").replace("2m", "1m")

    assert run(tmp_path, f"{BURST}, expect: [{early}, {ENDS}]") == 1


def test_states_that_are_asked_for_are_looked_at_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`recovering` is no news to people, but it can be tested."""
    states = "states: [firing, recovering, resolved]"

    assert run(tmp_path, f"{BURST}, {states}, expect: [{FIRES}, {ENDS}]") == 1
    assert "recovering" in str(outcomes(capsys)[0]["unexpected"])


def test_rules_of_the_file_beside_it_and_of_the_configuration(tmp_path: Path) -> None:
    """Where the file holds none of its own."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "tapewatch.yaml").write_text("alerting:\n  " + RULES.replace("\n- ", "\n  - "))

    for head in ("rules_file: rules.yaml\n", ""):
        assert run(tmp_path, f"{BURST}, expect: [{FIRES}, {ENDS}]", head=head) == 0


@pytest.mark.parametrize(
    ("head", "test", "said"),
    [
        (RULES.replace("method", "methd"), BURST, "methd"),
        ("rules_file: absent.yaml\n", BURST, "absent.yaml"),
        (RULES, "expect: [{at: 1h, state: firing, rule: tide}]", "'tide' is none of wave"),
    ],
)
def test_a_file_that_cannot_be_meant_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str, test: str, said: str
) -> None:
    """Before any test is run."""
    assert run(tmp_path, test, head=head) == 2
    assert said in capsys.readouterr().err


def test_the_example_of_the_docs_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People copy it."""
    docs = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    example = docs.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "rules.yaml").write_text("rules:\n- {name: wave, windows: [24h], method: threshold, sensitivity: 5}\n")
    (tmp_path / "example_test.yaml").write_text(example)

    with pytest.raises(SystemExit) as left:
        main(["rules", "test", str(tmp_path / "example_test.yaml"), "--json"])
    assert not left.value.code, outcomes(capsys)
