"""Rules: the series they follow, their labels, when they are others."""

import pytest

from alerts.rules import alert_labels, check_rules, fingerprint, followed, rule_version
from monitor.domain import SeriesKey
from monitor.errors import ConfigurationError
from tests.unit.alerts.build import rule

TICKERS, TOPICS = ("ACME", "GLOBEX"), ("Earnings", "Legal", "Macro")


def test_each_stands_for_what_is_watched_and_what_the_model_knows() -> None:
    """`each` by `each` by `each` is every combination, and `all` one summed part."""
    every = rule(series={"entity": "each", "topic": "each", "source_class": "each"})
    assert len(followed(every, tickers=TICKERS, topics=TOPICS)) == 2 * 3 * 3
    assert followed(rule(), tickers=TICKERS, topics=TOPICS) == {
        SeriesKey(entity="ACME"), SeriesKey(entity="GLOBEX")
    }  # fmt: skip
    summed = rule(series={"entity": "all", "topic": "each"})
    assert followed(summed, tickers=TICKERS, topics=TOPICS) == {SeriesKey(topic=topic) for topic in TOPICS}


def test_list_follows_only_what_it_names() -> None:
    """A list of tickers and classes."""
    named = rule(series={"entity": ["ACME"], "source_class": ["news", "filing"]})
    assert followed(named, tickers=TICKERS, topics=TOPICS) == {
        SeriesKey(entity="ACME", source_class="news"), SeriesKey(entity="ACME", source_class="filing")
    }  # fmt: skip


def test_fingerprint_is_stable_and_tells_alerts_apart() -> None:
    """It is stored: a new program must find the alerts of the old one."""
    acme = SeriesKey(entity="ACME")
    assert fingerprint("NegativeSpike", acme) == "a4b3cb134b3e8c4d"
    others = {fingerprint("Other", acme), fingerprint("NegativeSpike", SeriesKey(topic="ACME"))}
    assert fingerprint("NegativeSpike", acme) not in others
    assert len(others) == 2


def test_labels_say_what_the_alert_is_about() -> None:
    """The rule's own labels come along, but cannot hide the series."""
    labels = alert_labels(rule(labels={"severity": "page", "entity": "x"}), SeriesKey(entity="ACME", topic="Legal"))
    assert labels == {
        "severity": "page", "alertname": "NegativeSpike", "entity": "ACME", "topic": "Legal", "source_class": "all"
    }  # fmt: skip


def test_single_story_is_a_label() -> None:
    """To route it apart."""
    acme = SeriesKey(entity="ACME")
    assert "single_story" not in alert_labels(rule(), acme)
    assert alert_labels(rule(), acme, single_story=True)["single_story"] == "true"


@pytest.mark.parametrize(
    "changes",
    [
        {"window": "2h"}, {"method": "negative-binomial"}, {"at_most": "1 per day"}, {"max_p_value": 1e-3},
        {"max_q_value": 0.1}, {"resolve_p_value": 0.1}, {"for": "5m"}, {"keep_firing_for": "1h"},
        {"gates": {"min_count": 9}}, {"baseline": {"half_life": "7d"}},
    ],
    ids=str,
)  # fmt: skip
def test_rule_that_judges_otherwise_is_another_version(changes: dict[str, object]) -> None:
    """What the old one said is not what the new one would say."""
    assert rule_version(rule(**changes)) != rule_version(rule())


def test_wording_makes_no_other_version() -> None:
    """Who corrects a summary at night must not end the alerts."""
    other = rule(labels={"severity": "page"}, annotations={"summary": "x"}, no_data_after="1h", window="1h")
    assert rule_version(other) == rule_version(rule())


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ({"entity": ["ACME", "NOPE", "GLOB"]}, "series.entity: GLOB, NOPE not in the watchlist"),
        ({"topic": ["Gold | Metals | Materials"]}, "series.topic: Gold .* not in the topics of the model"),
    ],
)
def test_selector_that_matches_nothing_is_refused(series: dict[str, object], said: str) -> None:
    """It would be silent for ever, and nobody would know why."""
    with pytest.raises(ConfigurationError, match=f"rule NegativeSpike: {said}"):
        check_rules([rule(series=series)], tickers=TICKERS, topics=TOPICS)


def test_each_over_an_empty_watchlist_is_refused() -> None:
    """The same, by forgetting."""
    with pytest.raises(ConfigurationError, match="each matches nothing, the watchlist is empty"):
        check_rules([rule()], tickers=(), topics=TOPICS)
    check_rules([rule(series={"entity": "all"})], tickers=(), topics=TOPICS)
    check_rules([rule(series={"entity": ["ACME"], "topic": ["Macro"]})], tickers=TICKERS, topics=TOPICS)
