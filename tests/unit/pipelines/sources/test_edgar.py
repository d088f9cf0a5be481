"""SEC filings: what is made of the list of the latest, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.errors import InvalidRecordError
from monitor.net import HttpClient, Response
from monitor.ports import SourceState
from monitor.settings import EdgarSource as EdgarSettings
from pipelines.sources.base import RawItem
from pipelines.sources.edgar import EdgarSource
from pipelines.sources.feed_parser import parse_feed
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
ITEMS = (
    " &lt;br&gt;Item 2.02: Results of Operations and Financial Condition &lt;br&gt;Item 5.02: Departure of Directors"
)


def line(
    number: int, *, title: str = "8-K - ACME CORP /DE/ (0000012345) (Filer)", at: str = "", items: str = ""
) -> str:
    """An entry of the list; `number` makes its accession number."""
    accession = f"0000012345-26-{number:06d}"
    return f"""<entry><title>{title}</title>
<link rel="alternate" type="text/html" href="https://www.sec.gov/Archives/edgar/data/12345/{accession}-index.htm"/>
<summary type="html"> &lt;b&gt;Filed:&lt;/b&gt; 2026-11-24 &lt;b&gt;AccNo:&lt;/b&gt; {accession}{items}</summary>
<updated>{at or "2026-11-24T16:05:12-05:00"}</updated><category term="8-K"/>
<id>urn:tag:sec.gov,2008:accession-number={accession}</id></entry>"""


class Edgar:
    """EDGAR's list for each form, by page."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lists = lists
        self.asked: list[str] = []

    def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
        self.asked.append(url)
        given = parse_qs(urlsplit(url).query)
        start, lines = int(given["start"][0]), self.lists.get(given["type"][0], [])
        body = '<?xml version="1.0" encoding="ISO-8859-1" ?><feed xmlns="http://www.w3.org/2005/Atom"><title>Latest</title>'
        body += "".join(lines[start : start + 100]) + "</feed>"
        return Response(status=200, headers={"content-type": "application/atom+xml"}, body=body.encode(), url=url)


class InlineParser:
    """The real parser, in this process."""

    def parse(self, body: bytes, *, content_type: str, url: str) -> object:
        return parse_feed(body, content_type=content_type, url=url, max_items=100)


class Desk:
    """A source and what is remembered between its polls."""

    def __init__(self, server: Any, **settings: object) -> None:
        self.server = server
        self.state = SourceState(source="sec")
        self.settings = EdgarSettings.model_validate({"type": "edgar", "name": "sec", "forms": ["8-K"], **settings})

    def poll(self, *, now: datetime = NOW) -> list[RawItem]:
        """The items of one poll of a process that has just started."""
        source = EdgarSource(
            self.settings,
            fetcher=Fetcher(cast(HttpClient, self.server), HostPoliteness(0, sleep=lambda _: None)),
            parser=cast(FeedParser, InlineParser()),
        )
        items: list[RawItem] = []
        for chunk in source.poll(self.state, now=now):
            items += chunk.items
            self.state = chunk.state
        return items


def test_a_filing_becomes_a_document_in_words() -> None:
    """What a risk desk reads: who, which form, which items, what they mean, when it was accepted."""
    [item] = Desk(Edgar({"8-K": [line(1, items=ITEMS)]})).poll()
    assert item.title == "8-K ACME CORP /DE/: items 2.02, 5.02"
    assert item.text.splitlines() == [
        "ACME CORP /DE/ filed form 8-K, current report.",
        "Item 2.02 Results of Operations and Financial Condition.",
        "Item 5.02 Departure of Directors or Certain Officers; Election of Directors; Appointment of Certain Officers.",
    ]
    assert item.published_at == datetime(2026, 11, 24, 21, 5, 12, tzinfo=UTC)
    assert (item.source_class, item.id, item.author) == ("filing", "sec:0000012345-26-000001", "ACME CORP /DE/")
    assert item.url == "https://www.sec.gov/Archives/edgar/data/12345/0000012345-26-000001-index.htm"
    assert b"Item 5.02" in item.raw


def test_an_item_that_is_not_known_here_keeps_the_words_of_the_sec() -> None:
    """They add items; nobody should have to wait for a release."""
    [item] = Desk(Edgar({"8-K": [line(1, items=" &lt;br&gt;Item 1.09: Incidents with Robots")]})).poll()
    assert item.title.endswith(": item 1.09")
    assert item.text.endswith("Item 1.09 Incidents with Robots.")


def test_with_a_list_of_companies_only_theirs_are_taken_with_their_tickers() -> None:
    """By the number, for names are spelt in many ways."""
    other = line(2, title="8-K - OTHER INC (0000099999) (Filer)")
    desk = Desk(Edgar({"8-K": [line(1), other]}), companies=[{"cik": 12345, "ticker": "ACME"}])
    assert [(item.id, item.entities) for item in desk.poll()] == [("sec:0000012345-26-000001", ("ACME",))]


def test_a_filing_by_several_companies_is_one_document_with_all_of_them() -> None:
    """EDGAR lists it once for each; it is one piece of news."""
    lines = [line(1), line(1, title="8-K - ACME FINANCE (0000054321) (Filer)")]
    companies = [{"cik": "0000012345", "ticker": "ACME"}, {"cik": "54321", "ticker": "ACMF"}]
    [item] = Desk(Edgar({"8-K": lines}), companies=companies).poll()
    assert item.title == "8-K ACME CORP /DE/, ACME FINANCE"
    assert item.entities == ("ACME", "ACMF")


def test_amendments_are_taken_and_other_forms_with_that_beginning_are_not() -> None:
    """The server reads the form as a prefix."""
    titles = ["8-K/A - A (1) (Filer)", "8-K12B - B (2) (Filer)", "NT 10-K - C (3) (Filer)"]
    desk = Desk(Edgar({"8-K": [line(number, title=title) for number, title in enumerate(titles)]}))
    [item] = desk.poll()
    assert item.title == "8-K/A A"
    assert "amended current report" in item.text


def test_what_was_taken_is_not_taken_again_after_a_restart_and_what_is_new_is() -> None:
    """The same list comes every two minutes."""
    server = Edgar({"8-K": [line(1)], "10-Q": [line(5, title="10-Q - A (1) (Filer)")]})
    desk = Desk(server, forms=["8-K", "10-Q"])
    assert len(desk.poll()) == 2
    server.lists = {"8-K": [line(2, at="2026-11-24T16:40:00-05:00"), line(1)], "10-Q": server.lists["10-Q"]}
    assert [item.id for item in desk.poll()] == ["sec:0000012345-26-000002"]
    assert desk.poll() == []


def test_pages_are_read_until_what_is_known_and_no_further() -> None:
    """A burst after the close is longer than a page; a quiet hour must not cost five requests a form."""
    stamps = [f"2026-11-24T16:{number // 60:02d}:{number % 60:02d}-05:00" for number in range(250)]
    lines = [line(number, at=at) for number, at in enumerate(stamps)][::-1]
    server = Edgar({"8-K": lines[200:]})
    desk = Desk(server)
    assert len(desk.poll()) == 50
    server.lists, server.asked = {"8-K": lines}, []
    assert len(desk.poll()) == 200
    assert len(server.asked) == 3
    server.asked = []
    assert (desk.poll(), len(server.asked)) == ([], 1)


def test_lines_that_are_not_wanted_do_not_lead_to_further_pages() -> None:
    """They are new at every poll only if nobody remembers them."""
    lines = [line(number, title=f"8-K - X {number} ({number + 1}) (Filer)") for number in range(300)]
    server = Edgar({"8-K": lines})
    desk = Desk(server, companies=[{"cik": 77777, "ticker": "NONE"}])
    desk.poll()
    server.asked = []
    assert (desk.poll(), len(server.asked)) == ([], 1)


def test_one_filing_from_the_future_does_not_hide_the_others() -> None:
    """The newest instant is how far we have come."""
    server = Edgar({"8-K": [line(9, at="2036-11-24T16:05:12-05:00"), line(1)]})
    desk = Desk(server)
    assert [item.id for item in desk.poll()] == ["sec:0000012345-26-000001"]
    server.lists = {"8-K": [line(9, at="2036-11-24T16:05:12-05:00"), line(2, at="2026-11-24T16:06:00-05:00"), line(1)]}
    assert [item.id for item in desk.poll(now=NOW + timedelta(minutes=2))] == ["sec:0000012345-26-000002"]


@pytest.mark.parametrize(
    "entry",
    [
        "<entry><title>no number here</title><id>urn:tag:sec.gov,2008:accession-number=1</id></entry>",
        line(1, title="8-K - " + "A" * 5000 + " (1) (Filer)"),
        line(1, at="soon"),
        "<entry/>",
    ],
)
def test_a_line_that_cannot_be_read_costs_itself(entry: str) -> None:
    """The others are news."""
    assert [item.id for item in Desk(Edgar({"8-K": [entry, line(2)]})).poll()] == ["sec:0000012345-26-000002"]


def canned(body: bytes) -> Callable[..., Response]:
    """A server that always says the same."""

    class Canned:
        def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
            return Response(status=200, headers={"content-type": "text/html"}, body=body, url=url)

    return cast(Any, Canned())


def test_a_page_in_place_of_the_list_is_an_invalid_answer() -> None:
    """How the SEC says that too much was asked."""
    with pytest.raises(InvalidRecordError, match="not EDGAR's list"):
        Desk(canned(b"<html><body>Your Request Originates from an Undeclared Automated Tool</body></html>")).poll()
