"""The guard of continuous integration: which reports say that tests on real servers were left out."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/check_servers_ran.py"
RAN = ""
NO_PROGRAMS = '<skipped message="not installed: amtool (Debian: apt install ...)"/>'
NO_DATA = '<skipped message="development data not found: ..."/>'
NO_SERVER = '<skipped message="no Kafka here: ..."/>'


def case(marker: str, outcome: str) -> str:
    """One test case of a JUnit report."""
    properties = f'<properties><property name="marker" value="{marker}"/></properties>'
    return f'<testcase classname="t" name="t">{properties}{outcome}</testcase>'


@pytest.mark.parametrize(
    ("cases", "status"),
    [
        ([("kafka", RAN), ("postgres", RAN), ("prometheus", RAN)], 0),
        ([("kafka", RAN), ("kafka", NO_DATA), ("postgres", RAN), ("prometheus", RAN)], 0),
        ([("kafka", RAN), ("postgres", RAN), ("prometheus", NO_PROGRAMS)], 0),
        ([("kafka", NO_SERVER), ("postgres", RAN), ("prometheus", RAN)], 1),
        ([("kafka", NO_PROGRAMS), ("postgres", RAN), ("prometheus", RAN)], 1),
        ([("kafka", RAN), ("postgres", RAN), ("prometheus", NO_SERVER)], 1),
        ([("kafka", RAN), ("postgres", RAN)], 1),
    ],
)
def test_what_may_be_left_out_and_what_may_not(tmp_path: Path, cases: list[tuple[str, str]], status: int) -> None:
    """Missing system packages excuse the tests on Prometheus, and nothing else."""
    report = tmp_path / "junit.xml"
    report.write_text(f"<testsuites>{''.join(case(*one) for one in cases)}</testsuites>")
    assert runpy.run_path(str(SCRIPT))["main"](report) == status
