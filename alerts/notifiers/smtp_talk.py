"""SMTP clients whose whole talk ends in time: the time-out of `smtplib` is for each read, and a server may drip."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

AGAIN_S = 1.0  #: A connection that comes up only after the deadline is cut so soon.


class Talk:
    """The time of one talk."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.client: smtplib.SMTP | None = None  #: As soon as it tries to connect.
        self.is_over = False
        self._done = threading.Event()

    def watch(self) -> None:
        """Cut the connection once the time is over, until the talk is done."""
        wait_s = self.timeout_s
        while not self._done.wait(wait_s):
            self.is_over, wait_s = True, AGAIN_S
            held = self.client.sock if self.client is not None else None
            if held is not None:
                with suppress(OSError):
                    socket.socket.shutdown(held, socket.SHUT_RDWR)

    def end(self) -> None:
        """It is done."""
        self._done.set()


class Smtp(smtplib.SMTP):
    """In the clear, or until STARTTLS. Known to its talk before it connects: the greeting may drip already."""

    def __init__(self, held: Talk, host: str, port: int) -> None:
        held.client = self
        super().__init__(host, port, socket.gethostname(), timeout=held.timeout_s)


class SmtpTls(smtplib.SMTP_SSL):
    """Over TLS from the start."""

    def __init__(self, held: Talk, host: str, port: int, context: ssl.SSLContext) -> None:
        held.client = self
        super().__init__(host, port, socket.gethostname(), timeout=held.timeout_s, context=context)


@contextmanager
def talk(timeout_s: float) -> Iterator[Talk]:
    """A talk of at most `timeout_s`; raises `TimeoutError` when it took longer."""
    made = Talk(timeout_s)
    watcher = threading.Thread(target=made.watch, name="smtp-deadline", daemon=True)
    watcher.start()
    try:
        yield made
    except (smtplib.SMTPException, OSError) as err:
        if made.is_over:
            raise TimeoutError(f"timed out: no whole answer within {timeout_s:g} s") from err
        raise
    finally:
        made.end()
        watcher.join()
