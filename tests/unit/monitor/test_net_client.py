"""The network door: what a request does before a byte is sent."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from monitor.errors import PermanentError, TransientError
from monitor.net.client import HttpClient
from monitor.net.connect import GuardedBackend, resolve
from monitor.net.deadline import Deadline


def client(*addresses: str) -> HttpClient:
    """A client whose every name leads to `addresses`."""
    return HttpClient(
        user_agent="test",
        timeout_s=5,
        max_bytes=1000,
        max_redirects=3,
        allow_private=False,
        resolver=lambda _host, _port: list(addresses),
    )


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["::1"], ["93.184.216.34", "127.0.0.1"]])
def test_a_name_that_leads_into_a_private_network_is_refused(addresses: list[str]) -> None:
    """Also when it leads to a public address besides: such a name is an attack or a mistake."""
    with pytest.raises(PermanentError, match="not a public address"):
        client(*addresses).request("GET", "http://feeds.example/rss")


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]"])
def test_a_number_that_means_loopback_is_refused_in_every_spelling(host: str) -> None:
    """The system's resolver reads decimal, octal and hexadecimal; what it says is checked, not what was written."""
    door = HttpClient(user_agent="test", timeout_s=5, max_bytes=1000, max_redirects=3, allow_private=False)
    with pytest.raises(PermanentError, match="not a public address"):
        door.request("GET", f"http://{host}/")


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """Asking the resolver twice would let a second answer slip past the check."""
    asked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["169.254.169.254"]

    backend = GuardedBackend(deadline=Deadline(5), allow_private=False, resolver=resolver)
    with pytest.raises(PermanentError, match=r"169\.254\.169\.254"):
        backend.connect_tcp("feeds.example", 80)
    assert asked == ["feeds.example"]


def test_a_resolver_that_hangs_does_not_hold_up_the_request() -> None:
    """The system's own limit is half a minute and more."""
    never = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        never.wait(30)
        return []

    with pytest.raises(TransientError, match="cannot resolve"):
        resolve(hang, "slow.example", 80, timeout_s=0.01)
    never.set()


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    """Name servers fail for minutes at a time."""

    def fail(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(TransientError, match="not known"):
        resolve(fail, "gone.example", 80, timeout_s=5)


def test_a_header_that_would_break_out_of_its_line_is_refused() -> None:
    """A stored ETag or a configured token must not smuggle a second request."""
    door = HttpClient(user_agent="test", timeout_s=5, max_bytes=1000, max_redirects=3, allow_private=True)
    with pytest.raises((PermanentError, TransientError)):
        door.request("GET", "http://127.0.0.1:9/", headers={"if-none-match": "x\r\nhost: evil"})
