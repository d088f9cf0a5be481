"""The mail: headers, both bodies, threads, and configurations that are refused."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from alerts.messages.content import ContentBuilder
from alerts.notifiers.build import build_notifiers
from alerts.notifiers.compose import Charts, MailComposer
from monitor.domain import Alert, AlertState, GateReading, HorizonReading, Measure, Notification
from monitor.errors import ConfigurationError, TransientError
from monitor.settings import AlertingSettings
from tests.unit.alerts.notices import HOUR, T0, alert, evidence, headline, notification


class Page(HTMLParser):
    """Tags, links and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


def compose(
    sent: Notification, *, charts: Charts | None = None, secret: str | None = None, **annotations: str
) -> EmailMessage:
    """The mail as a receiver parses it from the wire."""
    rules = [{"name": "negative-spike", "window": "1h", "annotations": annotations}]
    settings = {"rules": rules, "verdicts": {"secret": secret}}
    content = ContentBuilder(AlertingSettings.model_validate(settings))
    composer = MailComposer(
        content,
        sender=Address("Tape, Watch", addr_spec="tapewatch@desk.example"),
        to=[Address(addr_spec="a@desk.example"), Address(addr_spec="b@desk.example")],
        charts=charts,
    )
    return message_from_bytes(composer.compose(sent).as_bytes(), EmailMessage, policy=default)


def body(mail: EmailMessage, kind: str) -> str:
    """The text of one of the two bodies."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_headers_identify_date_and_mark_the_mail() -> None:
    """Mail programs sort by these, and answering machines keep quiet."""
    mail = compose(notification())
    assert mail["Message-ID"] == "<n-1@tapewatch>"
    assert mail["Date"].datetime == T0
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"].addresses[0].display_name == "Tape, Watch"
    assert [a.addr_spec for a in mail["To"].addresses] == ["a@desk.example", "b@desk.example"]


def test_both_bodies_carry_the_evidence() -> None:
    """Whatever a mail program shows, the reader has the numbers, the headline and the way to silence it."""
    mail = compose(notification(), summary="{entity} in trouble", runbook="https://desk.example/run")
    for text in (body(mail, "plain"), Page(body(mail, "html")).words):
        for fact in (
            "23", "2.1", "10.9 times the expected", "about once in 330,000", "2026-03-02 14:05 UTC", "7 sources",
            "Acme recalls all rockets", "97 %", "told 3 times", "negative-spike", "ACME in trouble", "1h",
            "tapewatch alerts silence",
        ):  # fmt: skip
            assert fact in text, fact
    links = Page(body(mail, "html")).links
    assert links == ["https://desk.example/run", "https://news.example/acme", "http://localhost:8080/#fACME"]


def test_both_bodies_say_what_is_an_echo_and_what_was_held_back() -> None:
    """Ten headlines may be one story and a bot; the mail must not make them look like ten."""
    told = evidence(
        headline(novelty=(100, 100, 100, 100)),
        headline("Acme again", novelty=(100, 75, 56, 42), relevance=0.4),
        headline("Acme, of an older version"),
        held_back=12,
    )
    mail = compose(notification(alert(evidence=told)))
    for text in (body(mail, "plain"), Page(body(mail, "html")).words):
        assert "first told" in text
        assert "echo, novelty 56 of 100 in 24 h, relevance 40 %" in text
        assert "12 more stories held back by caps on authors and domains" in text
    assert "held back" not in body(compose(notification()), "plain")


def told_in_full(**changes: Any) -> Alert:
    """An alert with every kind of evidence."""
    horizons = (
        HorizonReading(window_s=3600.0, measure=Measure.VOLUME, seen=23, expected=2.1, dispersion=1.8, p_value=3e-6),
        HorizonReading(window_s=900.0, measure=Measure.SHARE, seen=0.5, expected=0.2, dispersion=1.2, p_value=0.01),
    )
    gates = {
        "min_sources": GateReading(passed=True, value=7, limit=2),
        "min_count": GateReading(passed=False, value=2, limit=3),
    }
    seen = evidence(
        headline(told=12, sources=5, first_at=T0 - HOUR, share=0.62, decisive=True),
        horizons=horizons, gates=gates, q_value=0.012, false_alarms=0.25, coverage=0.9,
    )  # fmt: skip
    return alert(evidence=seen, **changes)


def test_both_bodies_say_why() -> None:
    """Windows, gates with their values, q, how often it comes by chance, and what it hangs on."""
    mail = compose(notification(told_in_full()))
    for text in (body(mail, "plain"), Page(body(mail, "html")).words):
        for fact in (
            "share of negative", "50 %", "20 %", "15m", "3e-06", "min_sources", "7 distinct sources", "at least 2",
            "FAILED", "0.012", "about once in 4 weeks by chance", "Without “Acme recalls all rockets”",
            "62 % of the excess", "told 12 times by 5, story since 2026-03-02 13:05 UTC", "90 % of the sources",
        ):  # fmt: skip
            assert fact in text, fact


def test_both_bodies_say_what_could_not_be_judged() -> None:
    """In words, beside the colour."""
    mail = compose(notification(alert(state=AlertState.NO_DATA, evidence=None, reason="nothing since 09:00")))
    for text in (body(mail, "plain"), Page(body(mail, "html")).words):
        assert "NO DATA" in text
        assert "nothing since 09:00" in text


def test_both_bodies_link_verdicts() -> None:
    """One click from the mail; without a secret there is none."""
    mail = compose(notification(), secret="a secret of some length")
    links = [link for link in Page(body(mail, "html")).links if "/verdicts/" in link]
    assert [link.rpartition("/")[2] for link in links] == ["useful", "false", "duplicate"]
    assert all(link in body(mail, "plain") for link in links)
    assert "/verdicts/" not in body(compose(notification()), "plain")


def test_a_chart_travels_inside_the_mail() -> None:
    """A mail program shows it without asking anybody's server."""
    mail = compose(notification(alert(), alert("BETA", evidence=None)), charts=lambda _: b"\x89PNG\r\n\x1a\nchart")
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content() == b"\x89PNG\r\n\x1a\nchart"
    assert f"cid:{picture['Content-ID'].strip('<>')}" in Page(body(mail, "html")).links
    assert picture.get_content_disposition() == "inline"
    assert mail.get_body(("plain",)) is not None


def test_a_mail_goes_without_its_chart_when_that_cannot_be_drawn() -> None:
    """The numbers are what wakes people up."""

    def broken(_: Alert) -> bytes:
        raise TransientError("database away")

    for charts in (broken, lambda _: None):
        mail = compose(notification(), charts=charts)
        assert "image/png" not in {part.get_content_type() for part in mail.walk()}
        assert "cid:" not in body(mail, "html")


def test_a_mail_has_few_charts() -> None:
    """A bad day must not make a mail that no server takes."""
    mail = compose(notification(*(alert(f"T{n}") for n in range(9))), charts=lambda _: b"png")
    assert sum(part.get_content_type() == "image/png" for part in mail.walk()) == 5


def test_headlines_inject_no_header() -> None:
    """A feed must not be able to send mail in our name."""
    evil = "Acme\r\nBcc: all@bank.example\r\n\r\n<b>body</b>\x00"
    bad = alert(evil, labels={"alertname": evil}, evidence=evidence(headline(evil, source=evil, author=evil)))
    mail = compose(notification(bad, id="x\r\nBcc: y", group_key=evil))
    expected = {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert set(mail.keys()) == expected
    assert mail["Subject"].startswith("[FIRING] Negative spike: Acme Bcc: all@bank.example")
    assert "\n" not in mail["Message-ID"]


def test_headlines_inject_no_html() -> None:
    """Text stays text; a link to a script is no link."""
    evil = '"><script>alert(1)</script><img src=x onerror=y>{{ 7 * 7 }}'
    document = headline(evil, url="javascript:alert(1)", source=evil, author=evil, topic=evil)
    mail = compose(notification(alert(evidence=evidence(document))), summary="<i>{entity}</i>", runbook="javascript:x")
    page = Page(body(mail, "html"))
    assert not page.tags & {"script", "img", "i", "iframe"}
    assert page.links == ["http://localhost:8080/#fACME"]
    assert page.words.count(evil) == 4  # title, source, author and topic: as text
    assert "{{ 7 * 7 }}" in body(mail, "plain")


def test_a_title_that_never_ends_and_odd_scripts_survive() -> None:
    """Long, right-to-left, Chinese, emoji: one short line each, and the mail is valid."""
    titles = ("x" * 10_000, "\u202eevil", "艾克美公司召回全部火箭 🚀", "é" * 5000)
    mail = compose(notification(alert("é" * 500, evidence=evidence(*(headline(t) for t in titles)))))
    text = body(mail, "plain")
    assert "x" * 239 + "…" in text
    assert "\u202e" not in text
    assert "艾克美公司召回全部火箭 🚀" in text
    assert all(len(line) <= 998 for line in mail.as_bytes().splitlines())


def anchors(mail: EmailMessage) -> list[str]:
    """What the mail refers to."""
    assert mail["In-Reply-To"] == mail["References"].split()[0]
    return str(mail["References"]).split()


def test_states_of_one_episode_are_one_thread() -> None:
    """Firing, reminder and resolve belong together; mail programs go by References."""
    over = alert(state=AlertState.RESOLVED, since_at=T0 + HOUR)
    first, last = compose(notification()), compose(notification(over, id="n-2", created_at=T0 + HOUR))
    assert anchors(first) == anchors(last)
    assert first["Message-ID"] != last["Message-ID"]


def test_the_next_episode_and_another_group_are_other_threads() -> None:
    """Last month's spike is not this one."""
    one = anchors(compose(notification()))
    assert one != anchors(compose(notification(alert(fired_at=T0 + HOUR))))
    assert one != anchors(compose(notification(group_key="other")))


def test_a_group_stays_one_thread_when_its_first_alert_leaves() -> None:
    """The mail in between refers to both episodes and ties them together."""
    later = alert("BETA", fired_at=T0 + timedelta(minutes=20))
    both, rest = compose(notification(alert(), later)), compose(notification(later))
    assert anchors(both) == anchors(compose(notification())) + anchors(rest)


def test_references_stay_short_in_a_large_group() -> None:
    """Some servers refuse long headers."""
    many = [alert(f"T{n}", fired_at=T0 + n * HOUR) for n in range(100)]
    assert len(anchors(compose(notification(*many)))) == 20


def test_an_alert_without_evidence_makes_a_mail() -> None:
    """A template that fails would keep the alert from everybody."""
    assert "ACME" in body(compose(notification(alert(evidence=None))), "html")


def build(**changes: Any) -> None:
    """Build a mail receiver with `changes`."""
    receiver = {
        "type": "email",
        "name": "desk",
        "to": ["a@desk.example"],
        "from": "t@desk.example",
        "host": "mx.example",
    }
    settings = AlertingSettings.model_validate({"receivers": [{**receiver, **changes}]})
    build_notifiers(settings, clock=lambda: T0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tls": "none"}, "only for a server on loopback"),
        ({"tls": "none", "host": "10.0.0.1"}, "only for a server on loopback"),
        ({"username": "u"}, "go together"),
        ({"ca_file": "/nowhere.pem"}, "ca_file"),
        ({"ca_file": str(Path(__file__))}, "ca_file"),
        ({"to": ["ä@desk.example"]}, "not a mail address"),
        ({"from": "a..b@desk.example"}, "not a mail address"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(changes: dict[str, Any], why: str) -> None:
    """Found at start by whoever wrote it, not at night by whoever waits for the alert."""
    with pytest.raises(ConfigurationError, match=why):
        build(**changes)


def test_in_the_clear_is_allowed_on_loopback() -> None:
    """The demo and a relay on the same machine."""
    build(tls="none", host="127.0.0.1")
    build(tls="none", host="localhost")
