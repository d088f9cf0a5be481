"""The values that were used last."""

from __future__ import annotations

from pipelines.latest import Latest


def test_what_was_not_used_for_longest_goes_first() -> None:
    """A bound on memory must not cost what is asked for over and over."""
    held = Latest[str, int](2)
    held.keep({"a": 1, "b": 2})
    assert held.use(["a", "x"]) == {"a": 1}
    held.keep({"c": 3})
    assert held.use(["a", "b", "c"]) == {"a": 1, "c": 3}
    assert len(held) == 2


def test_more_than_fit_leave_the_newest() -> None:
    """One large batch must not go beyond the bound."""
    held = Latest[int, int](3)
    held.keep({number: number for number in range(10)})
    assert held.use(range(10)) == {7: 7, 8: 8, 9: 9}
