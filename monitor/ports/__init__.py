"""The ports: what one room may ask of another. `monitor/app` joins them to concrete classes.

Every method may raise `TransientError` when the thing behind it is away; the caller retries unchanged.
"""

from monitor.ports.alerting import AlertStore, BaselineState, Notifier, OutboxStore, Tick
from monitor.ports.bus import Broker, Clock, Consumer, Producer, StartPositions
from monitor.ports.counting import AddResult, BucketStore, OffsetSpan, Tally
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

__all__ = [
    "JSON_LINES_TYPES",
    "JSON_TYPE",
    "AddResult",
    "AlertStore",
    "Assignment",
    "BaselineState",
    "Broker",
    "BucketStore",
    "Classifier",
    "Clock",
    "Consumer",
    "Echoes",
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
    "StoryStore",
    "StoryTransaction",
    "Tally",
    "TextKeys",
    "Tick",
    "ToldText",
]
