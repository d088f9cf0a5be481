"""robots.txt: what it allows us, by the rules of RFC 9309."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from monitor.errors import TransientError
from monitor.net import HttpClient, Response
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.robots import MAX_DELAY_S, Robots, parse_robots

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
AGENT = "tapewatch/0.1 (+https://desk.example)"


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /private # not for you", "/private/x", False),
        ("User-agent: *\nDisallow: /\nAllow: /news/", "/news/1", True),
        ("User-agent: *\nAllow: /news\nDisallow: /news/paid", "/news/paid/1", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("User-agent: *\nDisallow: /a*b*c", "/a-x-b-y-c/d", False),
        ("User-agent: *\nDisallow: /*?print=", "/a?print=1", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Tapewatch\nDisallow: /x", "/a", True),
        ("User-agent: otherbot\nUser-agent: tapewatch\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", False),
        ("User-agent: tape\nDisallow: /", "/a", True),
        ("Disallow: /", "/a", True),
        ("\x00\xff: :::\nUser-agent\nDisallow", "/a", True),
    ],
)
def test_the_longest_rule_of_our_group_decides(robots: str, path: str, *, allowed: bool) -> None:
    """A site says what it wants; we do it."""
    assert parse_robots(robots, user_agent=AGENT).allows(path) is allowed


def test_a_hostile_pattern_takes_no_time() -> None:
    """Patterns made for a regular expression to choke on."""
    robots = "User-agent: *\n" + "Disallow: /" + "*a" * 900 + "$\n"
    assert parse_robots(robots, user_agent=AGENT).allows("/" + "a" * 2000 + "b")


@pytest.mark.parametrize(("said", "delay_s"), [("5", 5.0), ("9999", MAX_DELAY_S), ("-1", 0.0), ("nan", 0.0), ("x", 0)])
def test_a_crawl_delay_is_kept_up_to_a_limit(said: str, delay_s: float) -> None:
    """Politeness, without letting a file stop the source for a day."""
    assert parse_robots(f"User-agent: *\nCrawl-delay: {said}", user_agent=AGENT).delay_s == delay_s


class Server:
    """Answers robots.txt with a status."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        self.status, self.body = status, body
        self.asked: list[str] = []

    def request(self, method: str, url: str, *, headers: Mapping[str, str], confined: Collection[str]) -> Response:
        self.asked.append(url)
        return Response(status=self.status, headers={}, body=self.body, url=url)


def robots(server: Server) -> Robots:
    """Rules as that server has them."""
    return Robots(Fetcher(cast(HttpClient, server), HostPoliteness(0)), user_agent=AGENT)


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (410, True), (401, False), (403, False), (204, True)])
def test_a_server_without_the_file_allows_and_one_that_shuts_us_out_does_not(status: int, *, allowed: bool) -> None:
    """The difference between "no rules" and "not you"."""
    assert robots(Server(status)).allows("https://w.example/a", now=NOW) is allowed


def test_a_server_in_trouble_is_asked_again_before_any_page() -> None:
    """Not knowing is not being allowed."""
    with pytest.raises(TransientError):
        robots(Server(500)).allows("https://w.example/a", now=NOW)


def test_the_file_is_fetched_once_a_day_and_host() -> None:
    """Not before every page."""
    server = Server(200, b"User-agent: *\nDisallow: /x")
    rules = robots(server)
    for url in ("https://w.example/a", "https://w.example/x/1", "https://v.example/a"):
        rules.allows(url, now=NOW)
    rules.allows("https://w.example/a", now=NOW + timedelta(hours=25))
    assert server.asked == [
        "https://w.example/robots.txt", "https://v.example/robots.txt", "https://w.example/robots.txt",
    ]  # fmt: skip
