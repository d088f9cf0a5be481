"""`tapewatch rules test`: counts or documents in, the transitions that are expected out.

Labels are counted by the store and judged by the evaluator that run live; the model and ingest are left out, so a test
says itself what a document is about and how bad it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerts.evaluate import Evaluator
from alerts.replays.kept_states import KeptStates
from alerts.replays.rerun import rerun
from monitor.app.rule_stories import entities_of, labels_of
from monitor.app.store import Store, open_app_store
from monitor.domain import TOPICS, Label, Partition, Transition, ceil_to
from monitor.durations import format_duration
from monitor.errors import ConfigurationError
from monitor.logs import configure_logging
from monitor.metrics import AlertMetrics
from monitor.ports import OffsetSpan
from monitor.settings import LoggingSettings, Settings
from monitor.settings.rule_tests import Expected, RuleTest, RuleTests, read_rule_tests
from monitor.settings.rules import with_rules, with_rules_of
from pipelines.windows import tally

AT_ONCE = 2_000  #: Labels in one transaction.
GROUP = "rules-test"
PARTITION = Partition(topic=GROUP, index=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test."""

    name: str
    missing: tuple[str, ...]  #: Expected transitions that did not happen, in words.
    unexpected: tuple[str, ...]  #: Transitions that nobody expected.

    @property
    def passed(self) -> bool:
        """Neither is any."""
        return not (self.missing or self.unexpected)


def run_rule_tests(settings: Settings, path: Path) -> Iterator[Outcome]:
    """The outcome of each test in the file at `path`; raises `ConfigurationError` before any is run."""
    configure_logging(LoggingSettings(level="warning"))
    found = read_rule_tests(path)
    settings = _with_rules(settings, found, path)
    names = {rule.name for rule in settings.alerting.rules}
    for test in found.tests:
        for each in test.expect:
            if each.rule not in names and (each.rule is not None or len(names) > 1):
                raise ConfigurationError(
                    f"{path}: {test.name}: expect: which rule? {each.rule!r} is none of {', '.join(sorted(names))}"
                )
    return (_run(settings, test) for test in found.tests)


def _with_rules(settings: Settings, found: RuleTests, path: Path) -> Settings:
    if found.rules_file is not None:
        settings = with_rules(settings, path.parent / found.rules_file)
    elif found.rules is not None:
        settings = with_rules_of(settings, found.rules, origin=str(path))
    every = found.evaluate_every or settings.alerting.evaluate_every
    changes: dict[str, object] = {"evaluate_every": every, "allowed_lateness": timedelta(0)}
    return settings.model_copy(update={"alerting": settings.alerting.model_copy(update=changes)})


def _run(settings: Settings, test: RuleTest) -> Outcome:
    with TemporaryDirectory(prefix="tapewatch-rules-") as folder:
        url = SecretStr(f"sqlite:///{folder}/test.db")
        database = settings.database.model_copy(update={"url": url, "url_file": None})
        store = open_app_store(settings.model_copy(update={"database": database}), durable=False)
        try:
            return _judged(test, _transitions(settings, test, store))
        finally:
            store.close()


def _transitions(settings: Settings, test: RuleTest, store: Store) -> Sequence[Transition]:
    labels = labels_of(test)
    _count(store, labels, settings.aggregate.bucket)
    every = settings.alerting.evaluate_every
    start = test.start.astimezone(UTC)
    last = max((label.document.published_at for label in labels), default=start)
    end = start + test.lasts if test.lasts is not None else ceil_to(last, every) + every
    evaluator = Evaluator(
        KeptStates(store),
        settings.alerting,
        tickers=sorted(entities_of(test)),
        topics=TOPICS,
        bucket=settings.aggregate.bucket,
        metrics=AlertMetrics(CollectorRegistry()),
        owner=GROUP,
    )
    found = rerun(
        evaluator, start=ceil_to(start, every) + every, end=end, every=every,
        follow=test.lasts is None,
    )  # fmt: skip
    return found.transitions


def _count(store: Store, labels: Sequence[Label], bucket: timedelta) -> None:
    for first in range(0, len(labels), AT_ONCE):
        part = labels[first : first + AT_ONCE]
        store.add(
            group=GROUP,
            spans={PARTITION: OffsetSpan(first=first, next=first + len(part))},
            labels=part,
            tally=partial(tally, bucket=bucket),
            now=part[-1].labeled_at,
        )


def _judged(test: RuleTest, transitions: Sequence[Transition]) -> Outcome:
    """Each expectation takes the transition that lies nearest to it."""
    left = [each for each in transitions if each.after.value in test.states]
    missing: list[str] = []
    for expected in sorted(test.expect, key=lambda each: each.at):
        fitting = [each for each in left if _fits(expected, each, test)]
        if fitting:
            left.remove(min(fitting, key=lambda each: abs(each.at - test.start - expected.at)))
        else:
            missing.append(_expected_words(expected))
    return Outcome(name=test.name, missing=tuple(missing), unexpected=tuple(_got_words(each, test) for each in left))


def _fits(expected: Expected, got: Transition, test: RuleTest) -> bool:
    series = got.series
    same = (expected.state, expected.entity, expected.topic, expected.source_class) == (
        got.after.value, series.entity, series.topic, series.source_class,
    )  # fmt: skip
    near = abs(got.at - test.start - expected.at) <= expected.within
    return same and near and expected.rule in (None, got.rule)


def _expected_words(expected: Expected) -> str:
    within = f" (within {format_duration(expected.within)})" if expected.within else ""
    series = "/".join((expected.entity, expected.topic, expected.source_class))
    return " ".join(filter(None, (format_duration(expected.at) + within, expected.rule, series, expected.state)))


def _got_words(got: Transition, test: RuleTest) -> str:
    series = "/".join((got.series.entity, got.series.topic, got.series.source_class))
    words = f"{format_duration(got.at - test.start)} {got.rule} {series} {got.after.value}"
    seen = got.evidence
    return words if seen is None else f"{words}: {seen.seen} negative stories, {seen.expected:.3g} expected"
