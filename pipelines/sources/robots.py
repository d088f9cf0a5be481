"""robots.txt as RFC 9309 says: which pages of a host a client of our name may fetch, and how fast.

The group of our product's name holds, else that of `*`; the longest rule that matches decides,
and of two as long the one that allows. `*` stands for anything, `$` for the end. A server that has no such file allows
everything; one that answers 401 or 403 allows nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pipelines.sources.fetcher import NOTHING_NEW, Fetcher, StatusError

MAX_LINES = 10_000
MAX_RULE_CHARS = 2000
MAX_DELAY_S = 30.0  #: A longer crawl delay is cut to it: fewer pages a poll are the operator's to set.
KEPT = timedelta(hours=24)
_PRODUCT = re.compile(r"[A-Za-z0-9_-]+|\*")
CLOSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of allow or disallow."""

    path: str
    allow: bool

    def matches(self, path: str) -> bool:
        """True when `path` begins as the rule says."""
        rule, anchored = (self.path[:-1], True) if self.path.endswith("$") else (self.path, False)
        first, *others = rule.split("*")
        if not path.startswith(first):
            return False
        at = len(first)
        for part in others[:-1] if anchored else others:
            at = path.find(part, at)
            if at < 0:
                return False
            at += len(part)
        if not anchored:
            return True
        return path.endswith(others[-1]) and len(path) - len(others[-1]) >= at if others else at == len(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one host says to us."""

    rules: tuple[Rule, ...] = ()
    delay_s: float = 0.0

    def allows(self, path: str) -> bool:
        """True when `path` (with its query) may be fetched."""
        matching = [(len(rule.path), rule.allow) for rule in self.rules if rule.matches(path)]
        return max(matching)[1] if matching else True


NOTHING_ALLOWED = Rules(rules=(Rule("/", allow=False),))


class Robots:
    """The rules of hosts, fetched when first asked for and once a day."""

    def __init__(self, fetcher: Fetcher, *, user_agent: str) -> None:
        self._fetcher = fetcher
        self._user_agent = user_agent
        self._known: dict[str, tuple[datetime, Rules]] = {}

    def allows(self, url: str, *, now: datetime) -> bool:
        """True when we may fetch `url`. Raises `TransientError` while that cannot be found out."""
        parts = urlsplit(url)
        rules = self._rules(f"{parts.scheme}://{parts.netloc}", parts.hostname or "", now)
        return rules.allows((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))

    def _rules(self, origin: str, host: str, now: datetime) -> Rules:
        fetched_at, rules = self._known.get(origin, (None, Rules()))
        if fetched_at is None or not timedelta(0) <= now - fetched_at < KEPT:
            rules = self._fetch(origin, now)
            self._known[origin] = (now, rules)
            if rules.delay_s:
                self._fetcher.keep_distance(host, rules.delay_s)
        return rules

    def _fetch(self, origin: str, now: datetime) -> Rules:
        try:
            response = self._fetcher.get(f"{origin}/robots.txt", headers={"accept": "text/plain"}, now=now)
        except StatusError as err:
            return NOTHING_ALLOWED if err.status in CLOSED else Rules()
        if response.status in NOTHING_NEW:
            return Rules()
        return parse_robots(response.body.decode("utf-8-sig", "replace"), user_agent=self._user_agent)


def parse_robots(text: str, *, user_agent: str) -> Rules:
    """The rules for a client of this name."""
    name = _product(user_agent)
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    in_rules = False
    for line in text.splitlines()[:MAX_LINES]:
        key, _, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        key = key.lower()
        if key == "user-agent":
            agents = [_product(value)] if in_rules else [*agents, _product(value)]
            in_rules = False
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for agent in agents:
                groups.setdefault(agent, []).append((key, value))
    return _rules_of(groups[name] if name in groups else groups.get("*", []))


def _product(agent: str) -> str:
    """The first word of a client's name: what robots.txt knows it by."""
    match = _PRODUCT.match(agent.strip())
    return match[0].lower() if match else ""


def _rules_of(lines: list[tuple[str, str]]) -> Rules:
    rules = [Rule(value[:MAX_RULE_CHARS], key == "allow") for key, value in lines if key != "crawl-delay" and value]
    delays = [_seconds(value) for key, value in lines if key == "crawl-delay"]
    return Rules(rules=tuple(rules), delay_s=max(delays, default=0.0))


def _seconds(value: str) -> float:
    try:
        return min(max(0.0, float(value)), MAX_DELAY_S)  # in this order "nan" is 0
    except ValueError:
        return 0.0
