"""The whole configuration file, and what must hold between its sections."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from monitor.settings.alert_rules import window_fault
from monitor.settings.alerting import AlertingSettings
from monitor.settings.base import Section
from monitor.settings.data import (
    AggregateSettings,
    ClassifierSettings,
    DatabaseSettings,
    KafkaSettings,
    LocalLogSettings,
    LoggingSettings,
    StreamSettings,
)
from monitor.settings.pages import refuse_unfit
from monitor.settings.sources import IngestSettings, Source, WatchlistSettings
from monitor.settings.stories import StoriesSettings
from monitor.settings.web import WebSettings


class Settings(Section):
    """`tapewatch.yaml`."""

    database: DatabaseSettings = DatabaseSettings()
    """Where counts, evidence and alert states are kept."""

    kafka: KafkaSettings = KafkaSettings()
    """The bus."""

    local_log: LocalLogSettings = LocalLogSettings()
    """The embedded log, where there is no Kafka."""

    stream: StreamSettings = StreamSettings()
    """Topics and groups."""

    sources: tuple[Source, ...] = ()
    """Where documents come from, beside HTTP push."""

    ingest: IngestSettings = IngestSettings()
    """How sources are polled."""

    stories: StoriesSettings = StoriesSettings()
    """How copies of a story are found."""

    watchlist: WatchlistSettings = WatchlistSettings()
    """What is watched."""

    classifier: ClassifierSettings = ClassifierSettings()
    """The model."""

    aggregate: AggregateSettings = AggregateSettings()
    """Buckets and evidence."""

    alerting: AlertingSettings = AlertingSettings()
    """Rules, routing, receivers."""

    web: WebSettings = WebSettings()
    """Health, metrics, HTTP push."""

    logging: LoggingSettings = LoggingSettings()
    """Logs."""

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        names = [source.name for source in self.sources]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"sources: names must be unique, twice: {', '.join(twice)}")
        refuse_unfit(self.sources, user_agent=self.ingest.fetch.user_agent, kafka=self.kafka, stream=self.stream)
        for rule in self.alerting.rules:
            keep, every = self.aggregate.bucket_retention, self.alerting.evaluate_every
            if fault := window_fault(rule, bucket=self.aggregate.bucket, retention=keep, every=every):
                raise ValueError(fault)
        return self
