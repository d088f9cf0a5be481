"""A file of rule tests: what comes in, and which transitions are to come out; `tapewatch rules test` runs it.

Every time in it is a duration after the test's `start`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from monitor.domain import ALL, TOPICS
from monitor.errors import ConfigurationError
from monitor.settings.base import Duration, DurationOrZero, Section
from monitor.settings.load import read_yaml

State = Literal["pending", "firing", "recovering", "resolved", "normal", "no-data", "uncertain", "error"]
TOLD: tuple[State, ...] = ("firing", "resolved", "no-data", "error")  #: What people hear of.
MOST_STORIES = 1_000_000  #: Of one line; a slip of the pen must not fill the disk.


def _topic(value: str) -> str:
    if value not in TOPICS:
        raise ValueError(f"unknown topic {value!r}; one of {', '.join(TOPICS)}")
    return value


def expand(text: str) -> tuple[int, ...]:
    """The numbers of `5x3 20`, which is 5 5 5 20; raises `ValueError` with what is allowed."""
    found: list[int] = []
    for word in text.split():
        number, _, times = word.partition("x")
        if not number.isdecimal() or not (times.isdecimal() or word == number):
            raise ValueError(f"not a number: {word!r}; write 20 for one slot, 5x48 for 48 slots of 5")
        if int(times or 1) > MOST_STORIES or sum(found) + int(number) * int(times or 1) > MOST_STORIES:
            raise ValueError(f"{word}: more than {MOST_STORIES} stories")
        found += [int(number)] * int(times or 1)
    return tuple(found)


Numbers = Annotated[str, AfterValidator(lambda text: (expand(text), text)[1])]
Topic = Annotated[str, AfterValidator(_topic)]
SourceClassName = Literal["news", "social", "filing"]


class CountRow(Section):
    """Stories of one entity, so many in each slot, each told once."""

    entity: str
    """Ticker."""

    topic: Topic = "Markets"
    """Topic."""

    source_class: SourceClassName = "news"
    """Class of the sources."""

    at: DurationOrZero = timedelta(0)
    """Start of the first slot."""

    every: Duration = timedelta(hours=1)
    """Length of a slot; its stories are spread evenly over it."""

    negative: Numbers = ""
    """Negative stories of each slot: `1x336 20` is 336 slots of one and one of twenty."""

    neutral: Numbers = ""
    """Likewise others."""

    sources: PositiveInt = 1000
    """Distinct sources, or authors where they are posts, that tell them by turns."""


class DocumentRow(Section):
    """One document."""

    at: DurationOrZero
    """When it is published."""

    entities: tuple[str, ...] = Field(min_length=1)
    """Tickers."""

    sentiment: Literal["negative", "neutral", "positive"]
    """What the model would say of it."""

    topic: Topic = "Markets"
    """Topic."""

    source_class: SourceClassName = "news"
    """Class of its source."""

    source: str = "wire"
    """Its source."""

    author: str | None = None
    """Its author."""

    story: str | None = None
    """Documents with one story are copies; left out, it tells a story of its own."""

    text: str = ""
    """Text, as it shows in the evidence."""


class Expected(Section):
    """One transition."""

    at: DurationOrZero
    """When."""

    state: State
    """Into which state."""

    rule: str | None = None
    """Of which rule; left out where there is one."""

    entity: str = ALL
    """Of which entity."""

    topic: str = ALL
    """Of which topic."""

    source_class: str = ALL
    """Of which class of sources."""

    within: DurationOrZero = timedelta(0)
    """So much earlier or later will do."""


class RuleTest(Section):
    """One test."""

    name: str
    """What it promises."""

    start: AwareDatetime = datetime(2026, 1, 5, tzinfo=UTC)
    """A Monday at midnight, UTC, where nothing else is said."""

    lasts: Duration | None = None
    """How long the rules are evaluated; left out: until what fires has ended."""

    counts: tuple[CountRow, ...] = ()
    """Stories by number."""

    documents: tuple[DocumentRow, ...] = ()
    """Documents one by one."""

    states: tuple[State, ...] = TOLD
    """Transitions into other states than these are not looked at."""

    expect: tuple[Expected, ...] = ()
    """Every transition that there is to be; none: nothing may happen."""


class RuleTests(Section):
    """The file."""

    rules_file: Path | None = None
    """Rules to test, relative to this file."""

    rules: tuple[dict[str, Any], ...] | None = None
    """Or the rules themselves; with neither those of the configuration."""

    evaluate_every: Duration | None = None
    """Time between two evaluations; left out: that of the configuration."""

    tests: tuple[RuleTest, ...] = Field(min_length=1)
    """The tests."""


def read_rule_tests(path: Path) -> RuleTests:
    """The tests in the YAML file at `path`; raises `ConfigurationError` that names every key that is wrong."""
    try:
        found = RuleTests.model_validate(read_yaml(path))
    except ValidationError as err:
        found_wrong = err.errors(include_url=False)
        lines = [
            f"{path}: {_where(each['loc'])}: {_problem(each)}" for each in found_wrong if _is_inner(each, found_wrong)
        ]
        raise ConfigurationError("\n".join(lines)) from err
    if found.rules is not None and found.rules_file is not None:
        raise ConfigurationError(f"{path}: rules and rules_file exclude each other; leave one out")
    return found


def _is_inner(detail: ErrorDetails, among: Sequence[ErrorDetails]) -> bool:
    """False for what is wrong only because something in it is."""
    loc = detail["loc"]
    return not any(len(each["loc"]) > len(loc) and each["loc"][: len(loc)] == loc for each in among)


def _problem(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "no such key; docs/replay.md has those that there are"
    return str(detail["ctx"]["error"]) if kind == "value_error" else detail["msg"]


def _where(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
