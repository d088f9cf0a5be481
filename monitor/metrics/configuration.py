"""Whether the configuration in the file is the one in force."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge


class ConfigurationMetrics:
    """What became of the last reload; the start counts as one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.successful = Gauge(
            "tapewatch_config_last_reload_successful", "1 when the last configuration was taken, 0 when refused.",
            registry=registry,
        )  # fmt: skip
        self.success_at = Gauge(
            "tapewatch_config_last_reload_success_timestamp_seconds", "When a configuration was last taken.",
            registry=registry,
        )  # fmt: skip

    def taken(self, at: datetime) -> None:
        """The configuration is in force since `at`."""
        self.successful.set(1)
        self.success_at.set(at.timestamp())

    def refused(self) -> None:
        """The old one stays in force."""
        self.successful.set(0)
