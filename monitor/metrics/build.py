"""What is running: the build, for joining its version to whatever else is shown."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge


class BuildMetrics:
    """Which version runs, on what; the start is in `process_start_time_seconds`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.info = Gauge(
            "tapewatch_build_info", "1, with the versions of tapewatch, Python and torch.",
            ["version", "python", "torch"], registry=registry,
        )  # fmt: skip

    def show(self, versions: Mapping[str, str]) -> None:
        """Set the one series from distribution names to versions."""
        self.info.clear()
        named = {name: versions.get(key, "missing") for key, name in _LABELS.items()}
        self.info.labels(**named).set(1)


_LABELS = {"tapewatch": "version", "python": "python", "torch": "torch"}
