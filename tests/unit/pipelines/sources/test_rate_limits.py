"""Rate limits: every notation is understood, a host that asks to wait is left alone by all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.errors import PermanentError, TransientError
from pipelines.sources.rate_limits import asked_wait_s, read_reset, used_up
from tests.fixtures.canned_api import NOW, CannedApi, reply


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("412.0", 412.0), ("60", 60.0), ("0", 0.0), (str(int(NOW.timestamp()) + 90), 90.0),
        (str(int(NOW.timestamp() + 90) * 1000), 90.0), (str(int(NOW.timestamp()) - 90), 0.0),
        ("2026-11-24T12:05:00.000Z", 300.0), ("Tue, 24 Nov 2026 12:05:00 GMT", 300.0), ("30, 60", 30.0),
        ("1e300", 86_400.0), ("nan", None), ("inf", None), ("-5", None), ("soon", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_the_time_of_a_reset_is_read_in_every_notation_and_at_most_a_day(
    text: str | None, seconds: float | None
) -> None:
    """Seconds, epochs and dates: every API has its own, under one name."""
    assert read_reset(text, now=NOW) == seconds


def test_retry_after_comes_before_the_reset() -> None:
    """It is said about this request."""
    assert asked_wait_s({"x-ratelimit-reset": "600", "retry-after": "5"}, now=NOW) == 5
    assert asked_wait_s({"ratelimit-reset": "600"}, now=NOW) == 600
    assert asked_wait_s({}, now=NOW) is None


@pytest.mark.parametrize(
    ("text", "is_used_up"), [("0", True), ("0.0", True), ("1", False), ("99.5", False), ("x", False)]
)
def test_a_limit_is_used_up_when_nothing_remains(text: str, is_used_up: bool) -> None:
    """Reddit writes 0.0."""
    assert used_up({"x-ratelimit-remaining": text}) is is_used_up


def test_a_host_that_limits_is_not_asked_by_any_source_before_its_time() -> None:
    """Its limit counts all of ours; another host is not concerned."""
    api = CannedApi(lambda url: reply({}, 429, x_ratelimit_reset="120") if "//a." in url else {})
    fetcher = api.fetcher()
    for _ in range(3):
        with pytest.raises(TransientError) as caught:
            fetcher.get("https://a.example/1", headers={}, now=NOW)
        assert caught.value.retry_after_s == 120
    assert len(api.urls) == 1
    assert fetcher.get("https://b.example/", headers={}, now=NOW).status == 200
    with pytest.raises(TransientError):
        fetcher.get("https://a.example/2", headers={}, now=NOW + timedelta(seconds=121))
    assert api.urls[-1] == "https://a.example/2"


def test_a_refusal_for_a_used_up_limit_is_transient_and_any_other_is_not() -> None:
    """Some servers answer 403 in place of 429."""
    limited = CannedApi(lambda _: reply({}, 403, x_ratelimit_remaining="0", x_ratelimit_reset="60"))
    with pytest.raises(TransientError, match="403"):
        limited.fetcher().get("https://a.example/", headers={}, now=NOW)
    with pytest.raises(PermanentError, match="403"):
        CannedApi(lambda _: reply({}, 403)).fetcher().get("https://a.example/", headers={}, now=NOW)


def test_the_reset_of_a_limit_says_nothing_about_what_is_broken() -> None:
    """Mastodon sends it with every answer."""
    with pytest.raises(TransientError) as caught:
        CannedApi(lambda _: reply({}, 500, x_ratelimit_reset="300")).fetcher().get(
            "https://a.example/", headers={}, now=NOW
        )
    assert caught.value.retry_after_s is None
