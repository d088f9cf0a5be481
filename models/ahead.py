"""Make the next things in a thread while the caller works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def made_ahead(make: Callable[[S], T], things: Iterable[S], *, depth: int) -> Iterator[T]:
    """`make` of each thing in order, up to `depth` of them made before they are asked for; 0 uses no thread."""
    if not depth:
        yield from map(make, things)
        return
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as pool:
        for thing in things:
            waiting.append(pool.submit(make, thing))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
