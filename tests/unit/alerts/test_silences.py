"""Silences and matchers."""

import pytest

from alerts.silences import is_silenced, matches
from monitor.domain import Matcher
from tests.unit.alerts.build import HOUR, T0, silence

LABELS = {"entity": "ACME", "severity": "page"}


@pytest.mark.parametrize(
    ("matcher", "wanted"),
    [
        (Matcher(name="entity", value="ACME"), True),
        (Matcher(name="entity", value="ACM"), False),
        (Matcher(name="entity", value="ACME", is_equal=False), False),
        (Matcher(name="entity", value="GLOBEX", is_equal=False), True),
        (Matcher(name="entity", value="AC|ACME", is_regex=True), True),
        (Matcher(name="entity", value="AC", is_regex=True), False),
        (Matcher(name="entity", value="A.*", is_regex=True, is_equal=False), False),
        (Matcher(name="absent", value=""), True),
        (Matcher(name="absent", value=".+", is_regex=True), False),
    ],
)
def test_matcher(matcher: Matcher, wanted: bool) -> None:
    """Equal, unequal, pattern for all of the value; an absent label is empty."""
    assert matches([matcher], LABELS) is wanted


def test_every_matcher_must_hold() -> None:
    """They are joined by and."""
    entity, severity = Matcher(name="entity", value="ACME"), Matcher(name="severity", value="mail")
    assert matches([entity], LABELS)
    assert not matches([entity, severity], LABELS)


def test_silence_holds_from_its_start_to_before_its_end() -> None:
    """The end is exclusive, so that two silences can follow each other without an overlap."""
    one = silence(Matcher(name="entity", value="ACME"))
    instants = (T0 - HOUR, T0, T0 + HOUR / 2, T0 + HOUR)
    assert [is_silenced(LABELS, [one], at=at) for at in instants] == [False, True, True, False]


def test_silence_covers_only_what_it_matches() -> None:
    """Another entity is heard."""
    assert not is_silenced({"entity": "GLOBEX"}, [silence(Matcher(name="entity", value="ACME"))], at=T0)
    assert not is_silenced(LABELS, [], at=T0)
