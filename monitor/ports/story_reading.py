"""What the command line asks about stories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from monitor.domain import StoryDocument, StorySummary


class StoryReader(Protocol):
    """Stories and the documents that tell them; never writes."""

    def stories(self, *, since: datetime, entity: str | None = None, limit: int = 50) -> Sequence[StorySummary]:
        """Stories told since then, of `entity` where it is named: the most told first, of equals the latest."""

    def story_documents(self, story_id: str) -> Sequence[StoryDocument]:
        """Every document of a story that is still kept, the earliest first; none: no such story."""
