"""The section for what makes documents one story."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, PositiveInt, model_validator

from monitor.domain import LOOK_BACKS
from monitor.settings.base import Duration, Section

LATENESS = timedelta(hours=24)  #: How much longer a text is kept than it can be matched: for what comes in late.


class StoriesSettings(Section):
    """How copies of a story are found."""

    window: Duration = timedelta(hours=72)
    """Texts published further apart than this are different stories; a story that goes on being copied goes on."""

    max_texts: Annotated[PositiveInt, Field(le=10_000_000)] = 1_000_000
    """Most texts that copies are looked for among, the oldest go first; each takes about 270 bytes of memory."""

    @property
    def keep(self) -> timedelta:
        """How long a text and the echoes of its story are kept after they came in."""
        return self.window + LATENESS

    @model_validator(mode="after")
    def _novelty_can_look_back(self) -> Self:
        if self.window < LOOK_BACKS[-1]:
            raise ValueError("window: novelty looks back 72 hours, so a story must be known as long; write 72h or more")
        return self
