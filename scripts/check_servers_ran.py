"""Fail unless tests on a real Kafka broker and on a real PostgreSQL ran, going by a JUnit report of pytest.

A fixture that skips leaves the run green; here a skipped server test is a failure, unless the development data that it
reads are not there. Prometheus and Alertmanager come from the system's packages, which need root to install: their
tests may be left out where the programs are not installed, and for no other reason. `tests/conftest.py` writes each
test's markers into the report.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

SERVERS = ("kafka", "postgres", "prometheus")
NO_DATA = "development data not found"  #: How such a skip begins; `tests/fixtures/shared_data.py` writes it.
NOT_INSTALLED = "not installed: "  #: The same for programs of the system; `tests/fixtures/prometheus.py` writes it.
OF_THE_SYSTEM = frozenset({"prometheus"})


def main(report: Path) -> int:
    """Print how many tests ran on each server; 1 when any was skipped or none ran."""
    missing = False
    for server in SERVERS:
        cases = [case for case in _cases(report) if server in _markers(case)]
        reasons = [found.get("message", "") for case in cases if (found := case.find("skipped")) is not None]
        allowed = (NO_DATA, NOT_INSTALLED) if server in OF_THE_SYSTEM else (NO_DATA,)
        skipped = [reason for reason in reasons if not reason.startswith(allowed)]
        absent = server in OF_THE_SYSTEM and any(reason.startswith(NOT_INSTALLED) for reason in reasons)
        ran = len(cases) - len(reasons)
        note = f", {server} is not installed" if absent else ""
        sys.stdout.write(f"{server}: {ran} tests ran, {len(reasons)} skipped{note}\n")
        missing |= bool(skipped) or not (ran or absent)
    if missing:
        sys.stderr.write("tests on real servers were left out; they may not be here\n")
    return int(missing)


def _cases(report: Path) -> list[ET.Element]:
    return list(ET.parse(report).iter("testcase"))  # noqa: S314 - written by the run before


def _markers(case: ET.Element) -> set[str | None]:
    return {item.get("value") for item in case.iter("property") if item.get("name") == "marker"}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
