"""What systemd is told, over a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.service_manager import ServiceManager
from monitor.metrics import StageMetrics
from monitor.supervise import Supervisor


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket as systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.setblocking(False)
        yield made


def heard(ear: socket.socket) -> list[list[str]]:
    """Every datagram since the last call, in lines."""
    found = []
    while True:
        try:
            found.append(ear.recv(4096).decode().split("\n"))
        except BlockingIOError:
            return found


def manager(ear: socket.socket, **environment: str) -> ServiceManager:
    """As started by systemd."""
    return ServiceManager.from_environment({"NOTIFY_SOCKET": ear.getsockname(), **environment}, pid=7)


def test_a_life_is_told_in_order(ear: socket.socket) -> None:
    """Ready once started, the state when it changes, leaving at the end."""
    told = manager(ear)
    told.ready()
    told.tell({"classify": "TransientError: broker\naway"}, alive=True)
    told.tell({"classify": "TransientError: broker\naway"}, alive=True)
    told.tell({}, alive=True)
    told.stopping()
    assert heard(ear) == [
        ["READY=1"],
        ["STATUS=classify: TransientError: broker away"],
        ["STATUS=every part runs"],
        ["STOPPING=1", "STATUS=finishing what is in hand"],
    ]


@pytest.mark.parametrize(
    ("environment", "pats"),
    [({"WATCHDOG_USEC": "30000000"}, 1), ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 1),
     ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, 0), ({"WATCHDOG_USEC": "0"}, 0), ({}, 0)],
)  # fmt: skip
def test_the_watchdog_is_patted_where_systemd_asks_this_process(
    ear: socket.socket, environment: dict[str, str], pats: int
) -> None:
    """One that is meant for a parent is not ours to pat."""
    told = manager(ear, **environment)
    told.tell({}, alive=True)
    told.tell({}, alive=True)
    lines = [line for datagram in heard(ear) for line in datagram]
    assert lines.count("WATCHDOG=1") == 2 * pats


def test_a_lost_part_lets_the_watchdog_bite(ear: socket.socket) -> None:
    """Systemd then starts the process anew; nothing in it could."""
    told = manager(ear, WATCHDOG_USEC="30000000")
    told.tell({"classify": "not started"}, alive=False)
    assert heard(ear) == [["STATUS=classify: not started"]]


def test_without_systemd_nothing_is_said_and_a_deaf_socket_stops_nobody(tmp_path: Path) -> None:
    """A daemon that dies because nobody listens would be a poor one."""
    ServiceManager.from_environment({}, pid=7).ready()
    gone = ServiceManager.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")}, pid=7)
    gone.ready()
    gone.stopping()


def test_an_abstract_socket_is_found(tmp_path: Path) -> None:
    """Systemd writes them with an @ in front."""
    name = f"tapewatch-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"\0{name}")
        made.setblocking(False)
        ServiceManager.from_environment({"NOTIFY_SOCKET": f"@{name}"}, pid=7).ready()
        assert heard(made) == [["READY=1"]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_unasked_is_lost_and_one_that_was_told_is_not() -> None:
    """`sys.exit` in a library ends a thread behind the back of whoever starts parts over."""
    stop, ended = Event(), Event()
    kept = Supervisor(stop=stop, metrics=StageMetrics(CollectorRegistry()))

    def leave(_stop: Event) -> None:
        ended.set()
        raise SystemExit

    kept.start("classify", leave)
    kept.start("aggregate", lambda stop: stop.wait(10) and None)
    assert ended.wait(10)
    kept._threads["classify"].join(10)
    assert kept.lost() == ["classify"]
    stop.set()
    assert kept.join(10) == []
    assert kept.lost() == []
