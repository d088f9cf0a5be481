"""Names of topics and consumer groups, from one prefix."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The three topics and the groups that read them."""

    prefix: str

    @property
    def documents(self) -> str:
        """Documents from ingest to classify."""
        return f"{self.prefix}.documents"

    @property
    def labels(self) -> str:
        """Labels from classify to aggregate."""
        return f"{self.prefix}.labels"

    @property
    def dead_letters(self) -> str:
        """Refused records, whole, with the reason."""
        return f"{self.prefix}.dead-letters"

    @property
    def every(self) -> tuple[str, str, str]:
        """All three."""
        return (self.documents, self.labels, self.dead_letters)

    def group(self, stage: str) -> str:
        """Consumer group of `stage`."""
        return f"{self.prefix}-{stage}"
