"""Files of rule tests: numbers in short, every wrong key said by its place, nothing run before all of it is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigurationError
from monitor.settings.rule_tests import RuleTests, expand, read_rule_tests


def read(folder: Path, text: str) -> RuleTests:
    """The tests of a file that holds `text`."""
    path = folder / "rules_test.yaml"
    path.write_text(text, encoding="utf-8")
    return read_rule_tests(path)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=9))
def test_numbers_in_short_are_the_numbers(pairs: list[tuple[int, int]]) -> None:
    """`5x3 20` is 5 5 5 20."""
    short = " ".join(f"{number}x{times}" for number, times in pairs)

    assert expand(short) == tuple(number for number, times in pairs for _ in range(times))
    assert expand("5x3 20") == (5, 5, 5, 20)


@pytest.mark.parametrize("text", ["3y", "x3", "3x", "-1", "1.5", "1x2x3", "9999999", "1000x1001", "1x1000001", "²"])
def test_numbers_that_cannot_be_meant_are_refused(text: str) -> None:
    """Nor does a slip of the pen fill the disk."""
    with pytest.raises(ValueError, match=r"write 20|more than"):
        expand(text)


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    """A test is short to write."""
    (one,) = read(tmp_path, "tests:\n- {name: quiet, counts: [{entity: ACME, negative: 1x3}]}\n").tests

    assert one.expect == ()
    assert one.start.isoformat() == "2026-01-05T00:00:00+00:00"
    assert one.counts[0].every.total_seconds() == 3600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: []", "tests: "),
        ("tests:\n- {name: a, cuonts: []}", r"tests\[0\].cuonts: no such key"),
        ("tests:\n- {name: a, counts: [{entity: A, negative: 3y}]}", r"tests\[0\].counts\[0\].negative: not a number"),
        ("tests:\n- {name: a, counts: [{entity: A, topic: Sport}]}", "unknown topic 'Sport'; one of"),
        ("tests:\n- {name: a, start: '2026-01-01T00:00:00'}", r"tests\[0\].start: .*timezone"),
        ("tests:\n- {name: a, expect: [{at: soon, state: firing}]}", "not a duration"),
        ("tests:\n- {name: a, expect: [{at: 1h, state: burning}]}", r"expect\[0\].state"),
        ("rules: []\nrules_file: x.yaml\ntests:\n- {name: a}", "exclude each other"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(tmp_path: Path, text: str, said: str) -> None:
    """And only what is wrong: not what holds it."""
    with pytest.raises(ConfigurationError, match=said) as err:
        read(tmp_path, text)
    assert len(str(err.value).splitlines()) == 1
