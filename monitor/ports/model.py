"""The model, as the classify stage sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.domain import (
    Prediction,
)


class Classifier(Protocol):
    """Text to topic and sentiment."""

    @property
    def version(self) -> str:
        """Adapter name, version and digest; travels in every label."""

    def classify(self, texts: Sequence[str]) -> Sequence[Prediction | Exception]:
        """One answer a text, in order; a text that alone fails gives its exception and costs the others nothing."""
