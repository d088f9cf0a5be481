"""Keep the values that were used last: by key, at most so many of them. For one thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Latest(Generic[K, V]):
    """Values by key; those that were not used for longest go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        """Values held."""
        return len(self._held)

    def use(self, keys: Iterable[K]) -> dict[K, V]:
        """The values held of `keys`, which are the latest used from here on."""
        found = {key: self._held[key] for key in keys if key in self._held}
        for key in found:
            self._held.move_to_end(key)
        return found

    def keep(self, values: Mapping[K, V]) -> None:
        """Hold `values` too, and let go what is too many."""
        self._held.update(values)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
