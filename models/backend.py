"""What the classifier asks of the thing that computes: small, so that a test can stand in for torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class DeviceMemoryError(Exception):
    """A batch does not fit into the memory of the device; a smaller one may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One text as the network reads it."""

    ids: Sequence[int]
    spans: tuple[tuple[int, ...], ...] = ()  #: Per entity that is asked for, the positions of its tokens; empty: none.


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Probabilities for a batch, one row a text, in the order of the batch."""

    topics: NDArray[np.float32]  #: Rows x topics.
    sentiments: NDArray[np.float32]  #: Rows x (negative, neutral, positive).
    finance: NDArray[np.float32]  #: Rows; probability that the text is about finance.
    entities: NDArray[np.float32]  #: Spans x (negative, neutral, positive), text after text; an empty span gets those
    #: of its text.


Landing = Callable[[], Answers]
"""Waits for a batch that was started, and gives its answers."""


class Backend(Protocol):
    """Tokens and probabilities."""

    def tokenise(self, texts: Sequence[str], surfaces: Sequence[Sequence[Sequence[str]]]) -> Sequence[Tokens]:
        """Tokens of each text, cut to the longest that the encoder takes; per text and entity its surfaces."""

    def run(self, rows: Sequence[Tokens]) -> Answers:
        """Probabilities of `rows`; raises `DeviceMemoryError` when they do not fit."""


class OverlappingBackend(Backend, Protocol):
    """A backend that may begin with one batch before another has landed."""

    @property
    def window(self) -> int:
        """Texts that are sorted by length together."""

    @property
    def fills(self) -> bool:
        """True where texts are not padded, so that short ones may take the room that long ones leave in a batch."""

    @property
    def ahead(self) -> int:
        """Windows that may be tokenised in a thread before the device asks for them; 0 where that costs."""

    def start(self, rows: Sequence[Tokens]) -> Landing:
        """Begin with `rows`; this or the landing raises `DeviceMemoryError` when they do not fit."""
