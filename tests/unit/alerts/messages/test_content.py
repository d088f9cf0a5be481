"""What a message says, and what strangers' text cannot do to it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from alerts.messages.annotations import AnnotationTemplate
from alerts.messages.content import ContentBuilder
from alerts.messages.plain import plain, safe_url
from alerts.messages.words import expected_words, novelty_words, odds_words, ratio_words, relevance_words, span_words
from monitor.domain import AlertState, Evidence, Measure, SeriesKey
from monitor.errors import ConfigurationError
from monitor.settings import AlertingSettings
from tests.unit.alerts.notices import HOUR, T0, alert, evidence, headline, notification


def builder(**annotations: str) -> ContentBuilder:
    """Content for one rule with `annotations`."""
    rules = [{"name": "negative-spike", "window": "1h", "annotations": annotations}]
    return ContentBuilder(AlertingSettings.model_validate({"rules": rules}), names={"ACME": "Acme Corp"})


def test_subject_says_who_how_many_and_what_was_expected() -> None:
    """The list of mails on a telephone must be enough to decide whether to get up."""
    content = builder().build(notification())
    assert content.subject == "[FIRING] Negative spike: Acme Corp (ACME): 23 negative stories, 2.1 expected"


def test_subject_of_a_resolved_alert_says_how_long_it_lasted() -> None:
    """Whoever slept through it wants to know what was missed."""
    over = alert(state=AlertState.RESOLVED, since_at=T0 + timedelta(minutes=130))
    content = builder().build(notification(over))
    assert content.subject == "[RESOLVED] Negative spike: Acme Corp (ACME): over after 2h10m"
    assert content.alerts[0].ended_at == T0 + timedelta(minutes=130)


def test_subject_over_many_alerts_names_some_and_counts_the_rest() -> None:
    """A subject has one line."""
    many = [alert(f"T{n}") for n in range(5)]
    content = builder().build(notification(*many, alert("OLD", AlertState.RESOLVED)))
    assert content.subject == "[FIRING:5] Negative spikes: T0, T1, T2 and 2 more; 1 resolved"


def test_one_firing_among_resolved_keeps_its_numbers() -> None:
    """The one that still fires is the news."""
    content = builder().build(notification(alert(), alert("OLD", AlertState.RESOLVED)))
    assert content.subject.endswith("Acme Corp (ACME): 23 negative stories, 2.1 expected; 1 resolved")


def test_recovering_counts_as_firing() -> None:
    """As in the rest of the monitor: not over before it is over."""
    shown = builder().build(notification(alert(state=AlertState.RECOVERING))).alerts[0]
    assert (shown.status, shown.ended_at) == ("firing", None)


@pytest.mark.parametrize(
    ("state", "shown"),
    [(AlertState.UNCERTAIN, "uncertain"), (AlertState.NO_DATA, "no data"), (AlertState.ERROR, "error")],
)
def test_what_could_not_be_judged_says_why(state: AlertState, shown: str) -> None:
    """Neither firing nor over: to a receiver's program it fires, to a person it says what is wrong."""
    unsure = alert(state=state, reason="3 of 4 sources\nwere not looked at")
    content = builder().build(notification(unsure))
    assert content.subject == (f"[{shown.upper()}] Negative spike: Acme Corp (ACME): 3 of 4 sources were not looked at")
    assert (content.status, content.alerts[0].status, content.alerts[0].ended_at) == ("firing", "firing", None)


def test_an_alert_on_a_rule_is_no_spike() -> None:
    """Its subject is the rule; what was not measured is not said, and there is no verdict on it."""
    settings = {
        "rules": [
            {"name": "negative-spike", "annotations": {"summary": "{seen} seen", "runbook": "https://desk.example"}}
        ],
        "verdicts": {"secret": "a secret of some length"},
    }
    labels = {"alertname": "negative-spike", "state": "no-data"}
    silent = alert(
        state=AlertState.NO_DATA, labels=labels, series=SeriesKey(), evidence=None, reason="nothing since 09:00"
    )
    signing = ContentBuilder(AlertingSettings.model_validate(settings))
    content = signing.build(notification(silent))
    assert content.subject == "[NO DATA] Rule without data: negative-spike: nothing since 09:00"
    assert content.alerts[0].annotations == {"runbook": "https://desk.example"}
    assert content.alerts[0].verdicts == {}
    assert "alertname=negative-spike state=no-data" in content.alerts[0].silence, "not the spikes with it"
    over = alert(state=AlertState.RESOLVED, labels=labels, evidence=None, since_at=T0 + 2 * HOUR)
    assert signing.build(notification(over)).subject == ("[RESOLVED] Rule without data: negative-spike: over after 2h")


def test_several_kinds_of_alerts_have_one_subject() -> None:
    """A spike and a drop-out in one mail are not two spikes."""
    drop = alert("BETA", evidence=evidence(measure=Measure.DROP))
    assert builder().build(notification(alert(), drop)).subject == "[FIRING:2] Alerts: Acme Corp (ACME), BETA"


def test_the_window_is_the_one_that_spoke() -> None:
    """A rule looks at several."""
    day = evidence(window_start_at=T0 - 24 * HOUR)
    assert builder().build(notification(alert(evidence=day))).alerts[0].window == "1d"


def test_verdict_links_stand_where_there_is_a_secret() -> None:
    """And for what has fired alone."""
    rules = [{"name": "negative-spike"}]
    settings = {"rules": rules, "verdicts": {"secret": "a secret of some length"}}
    signing = ContentBuilder(AlertingSettings.model_validate(settings))
    shown = signing.build(notification()).alerts[0]
    assert list(shown.verdicts) == ["useful", "false", "duplicate"]
    assert shown.verdicts == signing.build(notification()).alerts[0].verdicts, "a mail that is sent again is the same"
    assert builder().build(notification()).alerts[0].verdicts == {}


def test_annotations_are_filled_in() -> None:
    """The operator's own words carry the numbers of the moment."""
    text = "{entity} {name} {seen}/{expected} {rule} {window} {{literally}}"
    content = builder(summary=text).build(notification())
    assert content.alerts[0].annotations == {"summary": "ACME Acme Corp 23/2.1 negative-spike 1h {literally}"}


def test_a_value_that_looks_like_a_place_is_left_alone() -> None:
    """Values are not looked at a second time."""
    template = AnnotationTemplate("{entity}", where="here")
    assert template.fill({"entity": "{seen}"}) == "{seen}"


@pytest.mark.parametrize(
    "text", ["{nobody}", "{}", "{0}", "{entity.__class__}", "{entity[0]}", "{seen!r}", "{seen:>9999999}", "{entity"]
)
def test_annotations_reach_nothing_but_the_known_places(text: str) -> None:
    """A mistake shows at start, not during an incident; Python's attributes are out of reach."""
    with pytest.raises(ConfigurationError, match=r"rule negative-spike: annotations\.summary"):
        builder(summary=text)


def test_an_alert_without_evidence_or_rule_is_still_shown() -> None:
    """A rule may leave the configuration while its alert lives."""
    bare = alert(evidence=None, rule="gone", fired_at=None, active_at=None)
    shown = builder(summary="{seen}").build(notification(bare)).alerts[0]
    assert (shown.annotations, shown.headlines, shown.since_at, shown.bars) == ({}, (), T0, (0, 0))


def test_window_of_a_rule_that_is_gone_comes_from_the_evidence() -> None:
    """What was judged then is what is shown."""
    assert builder().build(notification(alert(rule="gone"))).alerts[0].window == "1h"


def test_topic_and_source_class_are_named_where_the_series_has_them() -> None:
    """Two alerts of one entity must be told apart."""
    narrow = alert(series=SeriesKey(entity="ACME", topic="Earnings", source_class="news"))
    shown = builder().build(notification(narrow)).alerts[0]
    assert shown.about == "Acme Corp (ACME), Earnings, news"
    assert "topic=Earnings source_class=news" in shown.silence


def test_everything_together_is_called_so() -> None:
    """`all` is no name."""
    shown = builder().build(notification(alert(series=SeriesKey()))).alerts[0]
    assert shown.about == "all watched entities"
    assert "entity" not in shown.silence


def test_silence_can_be_pasted_into_a_shell() -> None:
    """A label with blanks or quotes is one word, and no command."""
    odd = alert(series=SeriesKey(entity="ACME", topic="a b; rm -rf /"))
    shown = builder().build(notification(odd)).alerts[0]
    assert shown.silence == (
        "tapewatch alerts silence alertname=negative-spike entity=ACME 'topic=a b; rm -rf /' --for 2h --comment why"
    )


@pytest.mark.parametrize(
    ("seen", "expected", "bars"), [(23, 2.3, (100, 10)), (0, 4.0, (1, 100)), (5, 0.0, (100, 1)), (0, 0.0, (1, 1))]
)
def test_bars_show_seen_against_expected(seen: int, expected: float, bars: tuple[int, int]) -> None:
    """The longer one fills the line; nothing divides by zero."""
    shown = builder().build(notification(alert(evidence=evidence(seen=seen, expected=expected)))).alerts[0]
    assert shown.bars == bars


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Acme\r\nBcc: all@bank.example", "Acme Bcc: all@bank.example"),
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("pay \u202egpj.exe\u202c now", "pay gpj.exe now"),
        ("\u2066iso\u2069 \u200fmark \ufeffbom \u200bzero", "iso mark bom zero"),
        ("line\u2028sep\u2029par\u0085next", "line sep par next"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("zwnj\u200cstays, family \U0001f469\u200d\U0001f467", "zwnj\u200cstays, family \U0001f469\u200d\U0001f467"),
        ("", ""),
    ],
)
def test_plain_text_is_one_line_without_tricks(raw: str, shown: str) -> None:
    """Headers, terminals and readers take what they see for what it is."""
    assert plain(raw, 100) == shown


@pytest.mark.parametrize("raw", ["x" * 10_000, "x " * 10_000, " " * 3 + "x" * 10_000])
def test_plain_text_is_cut(raw: str) -> None:
    """A title as long as a novel costs neither time nor the reader's screen."""
    cut = plain(raw, 50)
    assert len(cut) <= 50
    assert cut.endswith("…")


@pytest.mark.parametrize("url", ["https://n.example/a?b=c&d=%20#e", "http://127.0.0.1:8080/x", "https://[::1]/"])
def test_links_that_readers_may_click(url: str) -> None:
    """Http and https, with a host."""
    assert safe_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None, "", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "//n.example",
        "https://", "https://n.example/\r\nBcc: x", 'https://n.example/"onmouseover="x', "https://n.example/<b>",
        "https://bank.example@evil.example/", "https://n.example:99999/", "https://[broken/", "https://n.example/\u202e",
        "https://n.example/" + "x" * 3000,
    ],
)  # fmt: skip
def test_links_that_are_not_shown(url: str | None) -> None:
    """No script, no file, no disguise, nothing that breaks out of an attribute."""
    assert safe_url(url) is None


def test_headlines_are_cleaned_one_by_one() -> None:
    """One bad headline costs only its own link."""
    documents = (headline("A\nB", url="javascript:x", source="w\r\nx", author=None), headline("", url=None))
    shown = builder().build(notification(alert(evidence=evidence(*documents)))).alerts[0].headlines
    assert [(h.title, h.url, h.source) for h in shown] == [("A B", None, "w x"), ("(no title)", None, "wire")]


def test_numbers_are_said_as_people_say_them() -> None:
    """Nobody reads 3e-06 at night."""
    assert odds_words(3e-6) == "by chance about once in 330,000 such windows"
    assert odds_words(0.004) == "by chance about once in 250 such windows"
    assert odds_words(1e-15) == odds_words(0.0) == "by chance less than once in a billion such windows"
    assert odds_words(0.6) == "nothing unusual"
    assert [expected_words(x) for x in (0.0, 0.31, 2.14, 1234.5)] == ["under 0.05", "0.3", "2.1", "1,234"]
    assert [ratio_words(x) for x in (3.04, 1e6)] == ["3.0 times the expected", "over 100 times the expected"]
    assert [span_words(x * HOUR) for x in (0.01, 0.5, 26)] == ["36s", "30m", "1d2h"]


@pytest.mark.parametrize(
    ("novelty", "words"),
    [
        ((100, 100, 100, 100), "first told here"),
        ((100, 75, 56, 42), "echo, novelty 56 of 100 in 24 h"),
        ((100, 100, 100, 75), "echo, novelty 75 of 100 in 72 h"),
        ((0, 0, 0, 0), "echo, novelty 0 of 100 in 24 h"),
        ((), ""),
    ],
)
def test_novelty_is_said_in_words(novelty: tuple[int, ...], words: str) -> None:
    """A reader must see at a glance whether a headline is news; where nobody knows, nothing is claimed."""
    assert novelty_words(novelty) == words


def test_relevance_is_said_where_a_text_is_about_others_too() -> None:
    """A headline that is about the company needs no remark."""
    assert (relevance_words(0.4), relevance_words(1.0), relevance_words(0.999)) == ("relevance 40 %", "", "")


def test_what_was_held_back_is_said_where_there_is_any() -> None:
    """One account with forty complaints must not stay hidden from whoever asks why so few count."""
    shown = builder().build(notification(alert(evidence=evidence(held_back=40)))).alerts[0]
    assert shown.held_back == "40 more stories held back by caps on authors and domains"
    assert builder().build(notification()).alerts[0].held_back == ""


def test_evidence_of_an_older_version_is_still_read() -> None:
    """Alerts that are stored, and notifications that wait, outlive an upgrade."""
    stored = msgspec.to_builtins(evidence())
    del stored["held_back"]
    for name in ("relevance", "novelty"):
        del stored["documents"][0][name]
    read = msgspec.convert(stored, Evidence)
    assert (read.held_back, read.documents[0].relevance, read.documents[0].novelty) == (0, 1.0, ())
