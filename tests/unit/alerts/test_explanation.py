"""Why there was an alert or none, in words: each way in which it can come about says another thing."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.explanation import Explanation, explanation_lines, verdict_words
from monitor.domain import AlertState, GateReading, Measure, SeriesKey
from tests.unit.alerts.notices import HOUR, T0, evidence, headline

FAILED = {
    "min_count": GateReading(passed=False, value=2, limit=3),
    "min_ratio": GateReading(passed=True, value=9, limit=3),
}


def explanation(**changes: Any) -> Explanation:
    """An explanation of a minute at which everything was met and nothing done, unless told otherwise."""
    values: dict[str, Any] = {
        "rule": "negative-spike", "series": SeriesKey(entity="ACME"), "at": T0, "evidence": evidence(),
        "counts_suffice": True, "missing": None, "state": AlertState.NORMAL, "since_at": None, "reason": "",
        "hold": HOUR, "silenced": False, "fired": (),
    }  # fmt: skip
    return Explanation(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "There was no alert. Everything that the rule asks for was so at this minute, but no evaluation has acted",
        ),
        ({"state": AlertState.PENDING, "since_at": T0}, "it must hold for 1h."),
        ({"state": AlertState.FIRING, "since_at": T0 - HOUR}, "The alert was firing since 2026-03-02 13:05 UTC."),
        ({"state": AlertState.RECOVERING, "silenced": True}, "firing, but a silence kept it from being notified."),
        ({"state": AlertState.UNCERTAIN, "reason": "1 of 3 looked at"}, "The alert was uncertain: 1 of 3 looked at."),
        (
            {"counts_suffice": False, "missing": 1, "evidence": evidence(gates=FAILED)},
            "Not met: min_count, 2 stories seen (at least 3). 1 more negative story at this minute",
        ),
        ({"counts_suffice": False, "missing": 7}, "7 more negative stories at this minute would have met what counts"),
        ({"counts_suffice": False}, "does not stand out among the others of the rule. No number of negative stories"),
        ({"evidence": evidence(gates=FAILED)}, "There was no alert. Not met: min_count"),
        ({"uncounted_since": T0}, "What came onto the bus since 2026-03-02 14:05 UTC is not counted yet"),
    ],
)
def test_each_way_says_another_thing(changes: dict[str, Any], said: str) -> None:
    """The reader is to know what to change, or that nothing is wrong."""
    assert said in verdict_words(explanation(**changes))


def test_a_drop_out_misses_no_negative_stories() -> None:
    """It fires at few; to ask for more would be nonsense."""
    few = evidence(gates=FAILED, measure=Measure.DROP)
    assert "negative stor" not in verdict_words(explanation(counts_suffice=False, evidence=few))


def test_only_what_all_gates_and_counts_allow_is_met() -> None:
    """Documents and coverage have a say too."""
    assert explanation().met
    assert not explanation(counts_suffice=False).met
    assert not explanation(evidence=evidence(gates=FAILED)).met
    assert explanation(evidence=evidence(gates=FAILED)).failed == ("min_count",)


def test_lines_carry_what_strangers_wrote_as_one_clean_line() -> None:
    """A terminal obeys control characters."""
    evil = evidence(headline("A\x1b[31m\nB", source="w\r\nx", url="javascript:x", decisive=True), held_back=4)
    shown = list(explanation_lines(explanation(evidence=evil, fired=((T0 - HOUR, T0),)), about="Acme"))
    assert not any("\x1b" in line or "\n" in line for line in shown)
    text = "\n".join(shown)
    for fact in (
        "Without “A [31m B”", "decisive", "4 more stories held back", "Fired before", "2026-03-02 13:05 UTC, 1h",
        "10d of history",
    ):  # fmt: skip
        assert fact in text, fact
    assert "javascript" not in text
