"""What the monitor reports to Prometheus: one class a stage, labels from closed sets only, base units.

Each class takes the registry, so that tests and several monitors in one process do not meet.
Counters with a closed label set are initialised to zero, so that a rate exists from the start.
"""

from monitor.metrics.build import BuildMetrics
from monitor.metrics.configuration import ConfigurationMetrics
from monitor.metrics.counting import AggregateMetrics, AlertMetrics
from monitor.metrics.ingest import IngestMetrics, SourceMetrics, StoryMetrics
from monitor.metrics.model import ClassifyMetrics, ModelMetrics
from monitor.metrics.stage import StageMetrics
from monitor.metrics.verdicts import VerdictMetrics

__all__ = [
    "AggregateMetrics",
    "AlertMetrics",
    "BuildMetrics",
    "ClassifyMetrics",
    "ConfigurationMetrics",
    "IngestMetrics",
    "ModelMetrics",
    "SourceMetrics",
    "StageMetrics",
    "StoryMetrics",
    "VerdictMetrics",
]
