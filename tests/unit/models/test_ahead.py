"""Things made ahead in a thread."""

from __future__ import annotations

import threading

import pytest

from models.ahead import made_ahead


@pytest.mark.parametrize("depth", [0, 1, 3, 50])
def test_things_come_in_order(depth: int) -> None:
    """Whoever waits for them counts on it."""
    assert list(made_ahead(lambda n: n * n, range(20), depth=depth)) == [n * n for n in range(20)]


def test_the_next_is_made_while_the_caller_has_this_one() -> None:
    """That is what the thread is for: the third is made though only the first was taken."""
    third = threading.Event()

    def make(number: int) -> int:
        if number == 2:
            third.set()
        return number

    things = made_ahead(make, range(10), depth=2)
    assert next(things) == 0
    assert third.wait(timeout=10)


def test_no_more_are_made_than_asked_for() -> None:
    """Else a long call would lie in memory as a whole."""
    made: list[int] = []
    things = made_ahead(made.append, range(100), depth=2)
    next(things)
    next(things)
    assert len(made) <= 4
    things.close()  # type: ignore[attr-defined]  # a generator


def test_without_depth_no_thread_is_started() -> None:
    """On a CPU it would take the core that computes."""
    seen = list(made_ahead(lambda _: threading.current_thread(), range(3), depth=0))
    assert set(seen) == {threading.current_thread()}


def test_what_fails_fails_where_it_is_asked_for() -> None:
    """An error in a thread must not be lost."""
    things = made_ahead(lambda n: 1 // n, [1, 0, 1], depth=1)
    assert next(things) == 1
    with pytest.raises(ZeroDivisionError):
        next(things)
