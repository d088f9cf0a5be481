"""Memory: what an evaluator keeps from tick to tick; thrown away after a failure, for the database knows it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.counted import Counted
from alerts.evidence import Witness
from alerts.judge import Docket
from alerts.learning import Learning
from alerts.states import States
from alerts.telling import Telling


@dataclass(slots=True)
class Memory:
    """What is kept between ticks."""

    learning: Learning
    counted: Counted
    witness: Witness
    states: States
    telling: Telling
    began_at: datetime  # first tick
    dockets: Sequence[Docket] = ()  # of the last hour
    is_checked: bool = False  # alerts of rules that are gone or changed are ended
