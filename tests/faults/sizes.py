"""How much of each fault: the long form (`TAPEWATCH_FAULTS=full`), or one that fits into the tests of every commit."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

IS_FULL = os.environ.get("TAPEWATCH_FAULTS") == "full"
SEED = int(os.environ.get("TAPEWATCH_FAULTS_SEED", "20261126"))  #: Printed with every count.


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers of one form."""

    storm_documents: int  #: Under the kill storm with stub labels.
    storm_kills: int
    model_documents: int  #: The same with the shipped model.
    model_kills: int
    rebalance_documents: int
    rebalances: int  #: Joins and leaves, each.
    stay_s: float  #: How long things are left alone between two changes.
    frozen_documents: int
    outage_documents: int
    outage_s: float  #: How long a server is away.
    positions: int  #: Of poison on the bus.
    poisoned: int  #: Poisoned among ten times as many.
    alerts: int  #: Firms with bad news.
    alerts_a_kill: int  #: An alert worker is killed at every so manyeth of them.
    soak_burst: int  #: Documents by which the capacity is taken.
    soak_s: float  #: At half load.
    overload_s: float  #: At three times the load.
    wait_s: float  #: For any one condition.


FULL = Sizes(
    storm_documents=100_000,
    storm_kills=50,
    model_documents=4_000,
    model_kills=5,
    rebalance_documents=60_000,
    rebalances=20,
    stay_s=12.0,
    frozen_documents=30_000,
    outage_documents=30_000,
    outage_s=60.0,
    positions=500,
    poisoned=10_000,
    alerts=150,
    alerts_a_kill=3,
    soak_burst=20_000,
    soak_s=1_800.0,
    overload_s=120.0,
    wait_s=1_800.0,
)
SHORT = Sizes(
    storm_documents=2_000,
    storm_kills=5,
    model_documents=300,
    model_kills=1,
    rebalance_documents=1_500,
    rebalances=2,
    stay_s=3.0,
    frozen_documents=600,
    outage_documents=600,
    outage_s=4.0,
    positions=20,
    poisoned=100,
    alerts=4,
    alerts_a_kill=2,
    soak_burst=1_000,
    soak_s=10.0,
    overload_s=6.0,
    wait_s=150.0,
)
SIZES = FULL if IS_FULL else SHORT
TIMEOUT_S = 3_600 if IS_FULL else 240


def in_worlds(*short: str) -> pytest.MarkDecorator:
    """Run a test in both worlds, `embedded` and `servers`; in the short form in those named alone."""
    marks = {"embedded": [], "servers": [pytest.mark.kafka, pytest.mark.postgres]}
    chosen = marks if IS_FULL else {name: marks[name] for name in short}
    return pytest.mark.parametrize("world", [pytest.param(name, marks=chosen[name]) for name in chosen], indirect=True)


def report(what: str, found: object) -> None:
    """Print what was done and what was counted: what a fault test is run for."""
    print(f"\nseed {SEED}: {what}\n  {found}")
