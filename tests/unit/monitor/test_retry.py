"""Back-off."""

from __future__ import annotations

import pytest

from monitor.retry import Backoff


def test_the_bound_doubles_up_to_the_cap() -> None:
    """Patient with a long outage, quick after a short one."""
    backoff = Backoff(first_s=0.5, cap_s=5.0)
    assert [backoff.bound_s(n) for n in (1, 2, 3, 4, 5, 6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.bound_s(10**6) == 5.0


def test_the_wait_is_drawn_from_the_whole_span() -> None:
    """Full jitter: workers that failed together come back apart."""
    assert Backoff(first_s=2.0, cap_s=60.0, random=lambda: 0.0).wait_s(3) == 0.0
    assert Backoff(first_s=2.0, cap_s=60.0, random=lambda: 0.75).wait_s(3) == 6.0


def test_the_other_sides_wish_is_the_least() -> None:
    """Retry-After may exceed the cap; a longer wait of our own stays."""
    backoff = Backoff(first_s=2.0, cap_s=4.0, random=lambda: 0.5)
    assert backoff.wait_s(1, retry_after_s=90.0) == 90.0
    assert backoff.wait_s(5, retry_after_s=1.0) == 2.0


def test_nonsense_is_refused() -> None:
    """A cap below the first wait, or a failure number zero, is a mistake of the caller."""
    with pytest.raises(ValueError, match="first_s"):
        Backoff(first_s=2.0, cap_s=1.0)
    with pytest.raises(ValueError, match="failures"):
        Backoff().wait_s(0)
