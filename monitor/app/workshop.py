"""Makes the concrete things, each once, when first asked for; what only some stages need is imported there too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from monitor.app.clock import utc_now
from monitor.app.push import LazyPush
from monitor.app.source_health import SourceWatch, source_reports
from monitor.app.store import Store, open_app_store
from monitor.app.versions import versions
from monitor.domain import TOPICS
from monitor.metrics import (
    AggregateMetrics,
    AlertMetrics,
    BuildMetrics,
    ClassifyMetrics,
    IngestMetrics,
    ModelMetrics,
    SourceMetrics,
    StageMetrics,
    StoryMetrics,
    VerdictMetrics,
)
from monitor.ports import Broker, Clock, Notifier
from monitor.settings import Settings
from monitor.web import WebServer
from monitor.web.reloading import Reload
from pipelines.assign import AssignStories
from pipelines.entities import EntityLinker
from pipelines.ingest import Ingest
from pipelines.routing import Models, Reader
from pipelines.topics import Topics

if TYPE_CHECKING:
    from alerts.delivery import Delivery
    from alerts.evaluate import Evaluator
    from monitor.app.verdicts import Desk


class Workshop:
    """The concrete things of one process. What talks to the outside is opened when first used, and may fail then."""

    def __init__(self, settings: Settings, *, clock: Clock, registry: CollectorRegistry, worker: str) -> None:
        self.settings = settings
        self.clock = clock
        self.registry = registry
        self.worker = worker
        self.topics = Topics(prefix=settings.stream.topic_prefix)
        BuildMetrics(registry).show(versions())
        self.stage_metrics = StageMetrics(registry)
        self.ingest_metrics = IngestMetrics(registry)
        self.story_metrics = StoryMetrics(registry)
        self.source_metrics = SourceMetrics(registry)
        self.classify_metrics = ClassifyMetrics(registry)
        self.model_metrics = ModelMetrics(registry)
        self.aggregate_metrics = AggregateMetrics(registry)
        self.alert_metrics = AlertMetrics(registry)
        self.verdict_metrics = VerdictMetrics(registry)
        self.generation = 0  #: Goes up with every change of the configuration.
        self.stands_for = self  #: Whose store and settings the pictures of mails are made from.
        self._opening = threading.RLock()

    def check(self, stages: Sequence[str]) -> None:
        """Make what needs no other machine, so that a wrong configuration is known before anything starts."""
        if {"ingest", "classify", "web", "alert"} & set(stages):
            _ = self.linker
        if "classify" in stages:
            _ = self.models
        if "alert" in stages:
            from monitor.app.rule_check import check_written_rules

            _ = self.notifiers
            check_written_rules(self.settings, tickers=self.linker.tickers)

    def adopt(self, made: Workshop) -> None:
        """Put the settings, the watchlist and the receivers of `made` into the place of ours."""
        self.linker.adopt(made.linker)
        if "notifiers" in made.__dict__:  # where a stage sends; in one step, for it reads them meanwhile
            self.__dict__["notifiers"] = made.notifiers
        made.stands_for = self
        self.settings = made.settings
        self.generation += 1

    @property
    def store(self) -> Store:
        """The database, opened and brought up to date; raises `TransientError` while it is away."""
        with self._opening:
            return self._store

    @cached_property
    def _store(self) -> Store:
        return open_app_store(self.settings)

    @property
    def broker(self) -> Broker:
        """The bus with its topics; raises `TransientError` while it is away."""
        with self._opening:
            return self._broker

    @cached_property
    def _broker(self) -> Broker:
        settings = self.settings
        made: Broker
        if settings.kafka.bootstrap_servers:
            from pipelines.brokers.kafka import KafkaBroker

            made = KafkaBroker(settings.kafka, settings.stream)
        else:
            from pipelines.brokers.local import LocalBroker

            made = LocalBroker(settings.local_log, settings.stream, clock=self.clock)
        try:
            made.ensure_topics(self.topics.every)
        except Exception:
            made.close()
            raise
        return made

    @cached_property
    def models(self) -> Models:
        """The models, loaded and warmed up; raises `ConfigurationError` when a folder cannot be trusted."""
        from monitor.app.loading import open_models

        return open_models(self.settings.classifier, self.model_metrics)

    @cached_property
    def linker(self) -> EntityLinker:
        """Finds watched entities in text."""
        return EntityLinker.from_settings(self.settings.watchlist)

    @property
    def reader(self) -> Reader:
        """Makes questions of documents."""
        return Reader(mentions=self.linker.mentions, default_language=self.settings.classifier.default_language)

    @cached_property
    def notifiers(self) -> Mapping[str, Notifier]:
        """Receivers by name; their clock is the wall's, for a signature carries a real date."""
        from alerts.notifiers.build import build_notifiers
        from monitor.app.explaining import alert_charts

        charts = alert_charts(
            lambda: self.stands_for.settings, lambda: self.stands_for.store, lambda: self.stands_for.linker
        )
        return build_notifiers(self.settings.alerting, clock=utc_now, names=self.linker.names, charts=charts)

    def evaluator(self, *, tickers: Sequence[str] | None = None) -> Evaluator:
        """Evaluates the rules of the configuration over `tickers`; left out: the watchlist."""
        from alerts.evaluate import Evaluator
        from monitor.app.rule_check import check_written_rules
        from monitor.app.source_coverage import SourceCoverage

        watched = self.linker.tickers if tickers is None else tickers
        check_written_rules(self.settings, tickers=watched)
        return Evaluator(
            self.store,
            self.settings.alerting,
            tickers=watched,
            topics=TOPICS,
            bucket=self.settings.aggregate.bucket,
            metrics=self.alert_metrics,
            owner=self.worker,
            coverage=SourceCoverage(self.settings, self.store),
        )

    def delivery(self) -> Delivery:
        """Takes notifications from the outbox to the receivers."""
        from alerts.delivery import Delivery

        return Delivery(
            self.store,
            self.notifiers,
            owner=self.worker,
            max_retry_wait=self.settings.alerting.max_retry_wait,
            metrics=self.alert_metrics,
        )

    def web_server(
        self, *, ready: Callable[[], Mapping[str, str]], push: bool, reload: Reload | None = None
    ) -> WebServer:
        """Health, metrics and, with `push`, the door for documents."""
        door = self.push_door if push and self.settings.ingest.push.enabled else None
        return WebServer(
            self.settings.web,
            registry=self.registry,
            ready=ready,
            submit=door,
            alerts=self._alert_rows,
            sources=self._source_rows,
            reload=reload,
            verdicts=self.verdict_desk(),
        )

    def verdict_desk(self) -> Desk | None:
        """Takes the verdicts that readers send through the links of messages; None where no secret signs links."""
        if self.settings.alerting.verdicts.secret is None:
            return None
        from alerts.messages.content import verdict_links
        from monitor.app.verdicts import Desk

        return Desk(
            lambda: self.store, lambda: verdict_links(self.settings.alerting), names=self.linker.names, clock=utc_now
        )

    def show_verdicts(self) -> None:
        """Show in metrics what people said of the alerts of each rule."""
        self.verdict_metrics.show([rule.name for rule in self.settings.alerting.rules], self.store.verdict_counts())

    def _alert_rows(self) -> list[dict[str, object]]:
        return [asdict(alert) for alert in self.store.alerts()]

    def _source_rows(self) -> list[dict[str, object]]:
        return [report.as_row() for report in source_reports(self.settings, self.store, self.clock())]

    def source_watch(self) -> SourceWatch:
        """Shows the health of the sources in metrics."""
        return SourceWatch(self.settings, store=self.store, metrics=self.source_metrics)

    @cached_property
    def push_door(self) -> LazyPush:
        """Takes documents over HTTP."""
        return LazyPush(self)

    @property
    def stories(self) -> AssignStories:
        """Gives documents their stories: one index of texts for every door of this process."""
        with self._opening:
            return self._stories

    @cached_property
    def _stories(self) -> AssignStories:
        return AssignStories(store=self._store, settings=self.settings.stories, metrics=self.story_metrics)

    @contextmanager
    def ingest(self) -> Iterator[Ingest]:
        """The way onto the bus, with a producer of its own."""
        with closing(self.broker.producer()) as producer:
            yield Ingest(
                store=self.store,
                producer=producer,
                topics=self.topics,
                limits=self.settings.ingest.documents,
                linker=self.linker,
                assign=self.stories,
                metrics=self.ingest_metrics,
                stage_metrics=self.stage_metrics,
            )

    def close(self) -> None:
        """Release what was opened."""
        self.__dict__.pop("_stories", None)
        for name in ("push_door", "models", "_broker", "_store"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
