"""The ports: what one room may ask of another. `monitor/app` joins them to concrete classes.

Every method may raise `TransientError` when the thing behind it is away; the caller retries unchanged.
"""

from monitor.ports.alerting import AlertStore, BaselineState, NegativeVoices, Notifier, OutboxStore, Tick
from monitor.ports.bus import Broker, Clock, Consumer, Producer, StartPositions
from monitor.ports.counting import AddResult, Allowance, AuthorRecord, BucketStore, Guard, OffsetSpan, Tally
from monitor.ports.ingest import (
    JSON_LINES_TYPES,
    JSON_TYPE,
    PushDoor,
    PushOutcome,
    PushRejection,
    SourceState,
    SourceStore,
)
from monitor.ports.model import Classifier
from monitor.ports.stories import Assignment, Echoes, StoryStore, StoryTransaction, TextKeys, ToldText
from monitor.ports.story_reading import StoryReader
from monitor.ports.verdicts import EpisodeView, KeptText, VerdictDesk, VerdictStore

__all__ = [
    "JSON_LINES_TYPES",
    "JSON_TYPE",
    "AddResult",
    "AlertStore",
    "Allowance",
    "Assignment",
    "AuthorRecord",
    "BaselineState",
    "Broker",
    "BucketStore",
    "Classifier",
    "Clock",
    "Consumer",
    "Echoes",
    "EpisodeView",
    "Guard",
    "KeptText",
    "NegativeVoices",
    "Notifier",
    "OffsetSpan",
    "OutboxStore",
    "Producer",
    "PushDoor",
    "PushOutcome",
    "PushRejection",
    "SourceState",
    "SourceStore",
    "StartPositions",
    "StoryReader",
    "StoryStore",
    "StoryTransaction",
    "Tally",
    "TextKeys",
    "Tick",
    "ToldText",
    "VerdictDesk",
    "VerdictStore",
]
