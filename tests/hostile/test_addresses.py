"""No address of the inside is reached, whatever it is written as, whoever redirects there, however a name changes."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import PermanentError, TransientError
from monitor.net import HttpClient
from monitor.net.address import is_public
from monitor.net.connect import Resolver, system_resolver
from tests.fixtures.feed_server import send, serving

ROOT = Path(__file__).resolve().parents[2]
#: Metadata and platform services of clouds, by the address that answers there.
METADATA_V4 = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192")
METADATA_V6 = ("fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe")
INSIDE_V4 = ("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "0.0.0.0", "100.64.0.1")


def notations(address: str) -> list[str]:
    """An IPv4 address in the ways in which resolvers, browsers and tunnels write it."""
    a, b, c, d = (int(part) for part in address.split("."))
    number = a << 24 | b << 16 | c << 8 | d
    high, low = f"{a << 8 | b:x}", f"{c << 8 | d:x}"
    plain = [
        address, str(number), hex(number), hex(number).upper().replace("X", "x"), oct(number).replace("0o", "0"),
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"000{a:o}.{b}.{c}.{d}",
        f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{number & 0xFFFF}", f"{a:#x}.{number & 0xFFFFFF:#x}",
    ]  # fmt: skip
    mapped = [f"::ffff:{address}", f"::ffff:{high}:{low}", f"0:0:0:0:0:FFFF:{high}:{low}", f"::{high}:{low}"]
    tunnels = [f"64:ff9b::{high}:{low}", f"64:ff9b::{address}", f"2002:{high}:{low}::", f"64:ff9b:1::{high}:{low}"]
    return [*plain, *(f"[{text}]" for text in (*mapped, *tunnels))]


def door(resolver: Resolver = system_resolver) -> HttpClient:
    """The door as feeds use it."""
    return HttpClient(
        user_agent="test", timeout_s=5, max_bytes=1000, max_redirects=5, allow_private=False, resolver=resolver
    )


@pytest.fixture(autouse=True)
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a connection was opened to; the test server's alone goes through."""
    seen: list[str] = []
    connect = socket.create_connection

    def noted(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        seen.append(address[0])
        return connect(address, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("socket.create_connection", noted)
    return seen


@pytest.mark.parametrize("address", [*METADATA_V4, *INSIDE_V4])
def test_an_inner_address_is_refused_in_every_notation(address: str, connected: list[str]) -> None:
    """The system's own resolver reads them; not one leads to a connection."""
    for host in notations(address):
        with pytest.raises((PermanentError, TransientError)) as refused:
            door().request("GET", f"http://{host}/latest/meta-data/")
        # A notation that this system does not know is no address; all others are known for what they are.
        assert isinstance(refused.value, PermanentError) or "cannot resolve" in str(refused.value), host
    assert connected == []


@pytest.mark.parametrize("address", METADATA_V6)
def test_metadata_over_ipv6_is_refused(address: str, connected: list[str]) -> None:
    """With a zone and without."""
    for host in (f"[{address}]", f"[{address}%25eth0]"):
        with pytest.raises((PermanentError, TransientError)):
            door().request("GET", f"http://{host}/")
    assert connected == []


NAMES = ("metadata.google.internal", "instance-data", "localhost", "localtest.example", "127.0.0.1.rebind.example")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("address", [*METADATA_V4, *METADATA_V6, *INSIDE_V4, "::1", "::ffff:7f00:1", "64:ff9b::7f00:1"])
def test_a_name_that_leads_to_an_inner_address_is_refused(name: str, address: str, connected: list[str]) -> None:
    """What counts is where it leads, not what it is called."""
    with pytest.raises(PermanentError, match="not a public address"):
        door(lambda _host, _port: [address]).request("GET", f"http://{name}/")
    assert connected == []


@given(st.ip_addresses(v=4))
def test_what_is_public_is_so_in_every_tunnel_and_what_is_not_in_none(address: object) -> None:
    """For any address at all: mapped and NAT64 forms are judged as the address inside."""
    plain = str(address)
    mapped = f"::ffff:{plain}"
    nat64 = f"64:ff9b::{plain}"
    assert is_public(mapped) == is_public(plain) == is_public(nat64)


class Rebinding:
    """A name that leads elsewhere each time it is asked for."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked = 0
        self._answers = cycle(answers)

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return next(self._answers)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on 127.0.0.1 that stands for a public one; everything else is judged as always."""
    monkeypatch.setattr("monitor.net.connect.is_public", lambda text: text == "127.0.0.1" or is_public(text))
    with serving(lambda request: send(request, b"public")) as at:
        yield at


def test_a_name_that_changes_between_check_and_use_reaches_what_was_checked(outside: str, connected: list[str]) -> None:
    """One question a connection: what was checked is what is connected to; a later answer is checked anew."""
    port = outside.rpartition(":")[2]
    names = Rebinding(["127.0.0.1"], ["127.0.0.2"])
    client = door(names)
    assert client.request("GET", f"http://rebind.example:{port}/").body == b"public"
    with pytest.raises(PermanentError, match=r"127\.0\.0\.2"):
        client.request("GET", f"http://rebind.example:{port}/")
    assert names.asked == 2
    assert set(connected) == {"127.0.0.1"}


def test_a_name_that_changes_between_a_redirect_and_its_end_is_checked_again(
    monkeypatch: pytest.MonkeyPatch, connected: list[str]
) -> None:
    """A redirect to the same name asks for it once more."""
    monkeypatch.setattr("monitor.net.connect.is_public", lambda text: text == "127.0.0.1" or is_public(text))
    with serving(lambda request: send(request, status=302, Location="/again")) as at:
        names = Rebinding(["127.0.0.1"], ["169.254.169.254"])
        with pytest.raises(PermanentError, match=r"169\.254\.169\.254"):
            door(names).request("GET", f"http://rebind.example:{at.rpartition(':')[2]}/")
    assert set(connected) == {"127.0.0.1"}


@pytest.mark.parametrize("address", [*METADATA_V4, "127.0.0.2", "10.0.0.1"])
def test_a_redirect_to_an_inner_address_is_refused_in_every_notation(
    address: str, monkeypatch: pytest.MonkeyPatch, connected: list[str]
) -> None:
    """The first hop is public, and trusted no more than the first."""
    monkeypatch.setattr("monitor.net.connect.is_public", lambda text: text == "127.0.0.1" or is_public(text))
    to: list[str] = []
    with serving(lambda request: send(request, status=302, Location=to[-1])) as at:
        for host in notations(address):
            to.append(f"http://{host}/latest/meta-data/")
            with pytest.raises((PermanentError, TransientError)):
                door().request("GET", at)
    assert set(connected) == {"127.0.0.1"}


#: What opens connections, and the only modules that may: the door, mail, our own server, the demonstration's servers.
OPENS = {
    "socket", "ssl", "http.client", "urllib.request", "smtplib", "ftplib", "httpcore2", "httpx", "requests", "aiohttp",
    "urllib3",
}  # fmt: skip
DOORS = {
    "monitor/net/client.py", "monitor/net/connect.py", "alerts/notifiers/email.py",
    "alerts/notifiers/smtp_talk.py", "monitor/web/server.py",
    "monitor/web/tls.py",
    "monitor/app/monitor.py",  # the name of the machine
    "monitor/app/service_manager.py",  # systemd's own socket, a file
    "pipelines/brokers/kafka_errors.py",  # the names of errors
}  # fmt: skip


def test_there_is_one_door_to_the_network() -> None:
    """A source with a client of its own would pass every check by."""
    found = set()
    for room in ("alerts", "models", "monitor", "pipelines"):
        for path in (ROOT / room).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            if not where.startswith("monitor/demo/") and OPENS & set(imported(path)):
                found.add(where)
    assert found <= DOORS, f"opens connections beside monitor/net: {sorted(found - DOORS)}"
    assert {"monitor/net/connect.py", "alerts/notifiers/email.py"} <= found


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
