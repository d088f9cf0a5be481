"""Links by which readers say what an alert was worth: only ours are taken, and only for a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.messages.verdict_links import EpisodeClaim, VerdictLinks
from monitor.domain import AlertState
from monitor.errors import ConfigurationError, PermanentError
from tests.unit.alerts.notices import HOUR, T0, alert

MONTH = timedelta(days=30)
LINKS = VerdictLinks("a secret of some length", external_url="https://tape.example/", valid_for=MONTH)
FIRED = T0 + timedelta(microseconds=7)


def token_of(links: VerdictLinks = LINKS, *, fingerprint: str = "fACME") -> str:
    """A token for an episode, made at T0."""
    return links.token(fingerprint, FIRED, expires_at=T0 + MONTH)


def test_a_link_names_the_episode_it_was_made_for() -> None:
    """To the microsecond, since that is what an episode is found by."""
    made = LINKS.links(alert(fired_at=FIRED), at=T0)
    assert set(made) == {"useful", "false", "duplicate"}
    address = made["false"]
    assert address.startswith("https://tape.example/verdicts/")
    token, verdict = address.removeprefix("https://tape.example/verdicts/").split("/")
    assert verdict == "false"
    assert LINKS.read(token, at=T0 + MONTH) == EpisodeClaim(fingerprint="fACME", fired_at=FIRED)


def test_what_never_fired_has_no_link() -> None:
    """There is nothing to say of it."""
    assert LINKS.links(alert(state=AlertState.PENDING, fired_at=None), at=T0) == {}


def test_a_link_ends() -> None:
    """A mailbox that leaks years later gives no power."""
    with pytest.raises(PermanentError, match=r"too old.*tapewatch alerts verdict fACME"):
        LINKS.read(token_of(), at=T0 + MONTH + HOUR)


def test_another_secret_makes_other_links() -> None:
    """A secret that is changed ends every link made under the old one."""
    other = VerdictLinks("another secret of this length", external_url="https://tape.example", valid_for=MONTH)
    with pytest.raises(PermanentError, match="not made here"):
        LINKS.read(token_of(other), at=T0)


@pytest.mark.parametrize("token", ["", ".", "...", "a.1.2", "a.1.2.", "f\n.1.2.x", "ä.1.2.ü", "x" * 100_000])
def test_what_is_no_link_is_refused(token: str) -> None:
    """In one way, whatever it is."""
    with pytest.raises(PermanentError, match="not made here"):
        LINKS.read(token, at=T0)


@given(place=st.integers(0, 200), letter=st.characters(codec="ascii", exclude_categories=["Cc"]))
def test_no_letter_of_a_link_can_be_changed(place: int, letter: str) -> None:
    """Neither the alert, nor the episode, nor how long it holds."""
    token = token_of()
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(PermanentError, match="not made here"):
            LINKS.read(changed, at=T0)


@given(at=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - aware below
def test_every_instant_survives(at: datetime) -> None:
    """No rounding on the way."""
    fired = at.replace(tzinfo=T0.tzinfo)
    read = LINKS.read(LINKS.token("f", fired, expires_at=fired + HOUR), at=fired)
    assert read == EpisodeClaim(fingerprint="f", fired_at=fired)


def test_a_short_secret_is_refused() -> None:
    """Before anything starts, with the way to a better one."""
    with pytest.raises(ConfigurationError, match=r"alerting\.verdicts\.secret: 5 characters.*openssl rand"):
        VerdictLinks("short", external_url="https://tape.example", valid_for=MONTH)
