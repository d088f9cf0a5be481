"""The configuration as frozen values: one class a section of `tapewatch.yaml`.

Read once, by `monitor.settings.load`; a room receives only its own section.
"""

from monitor.settings.alert_rules import BaselineSettings, GateSettings, Rule, SeriesSelector
from monitor.settings.alerting import (
    AlertingSettings,
    EmailReceiver,
    MatcherSettings,
    Receiver,
    RouteSettings,
    VerdictSettings,
    WebhookReceiver,
)
from monitor.settings.apis import HackerNewsSource, MastodonSource, RedditSource, StockTwitsSource
from monitor.settings.data import (
    AggregateSettings,
    ClassifierSettings,
    DatabaseSettings,
    KafkaSettings,
    LocalLogSettings,
    LoggingSettings,
    StreamSettings,
)
from monitor.settings.guard import GuardSettings
from monitor.settings.json_source import FieldPaths, HeaderSettings, JsonSource, PagingSettings
from monitor.settings.pages import EdgarSource, FilerSettings, GdeltSource, KafkaSource, SitemapSource
from monitor.settings.root import Settings
from monitor.settings.sources import (
    DocumentLimits,
    FeedSource,
    FetchSettings,
    FileSource,
    IngestSettings,
    PushSettings,
    Source,
    WatchedEntity,
    WatchlistSettings,
)
from monitor.settings.stories import StoriesSettings
from monitor.settings.web import WebSettings

__all__ = [
    "AggregateSettings",
    "AlertingSettings",
    "BaselineSettings",
    "ClassifierSettings",
    "DatabaseSettings",
    "DocumentLimits",
    "EdgarSource",
    "EmailReceiver",
    "FeedSource",
    "FetchSettings",
    "FieldPaths",
    "FileSource",
    "FilerSettings",
    "GateSettings",
    "GdeltSource",
    "GuardSettings",
    "HackerNewsSource",
    "HeaderSettings",
    "IngestSettings",
    "JsonSource",
    "KafkaSettings",
    "KafkaSource",
    "LocalLogSettings",
    "LoggingSettings",
    "MastodonSource",
    "MatcherSettings",
    "PagingSettings",
    "PushSettings",
    "Receiver",
    "RedditSource",
    "RouteSettings",
    "Rule",
    "SeriesSelector",
    "Settings",
    "SitemapSource",
    "Source",
    "StockTwitsSource",
    "StoriesSettings",
    "StreamSettings",
    "VerdictSettings",
    "WatchedEntity",
    "WatchlistSettings",
    "WebSettings",
    "WebhookReceiver",
]
