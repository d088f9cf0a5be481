"""A mail server on loopback that keeps what it gets: for the demo and for tests."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitor.demo.certificate import Certificate

STARTS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as received."""

    sender: str  #: Of the envelope, as is the next.
    to: tuple[str, ...]
    message: EmailMessage  #: Parsed.
    raw: bytes


class SmtpReceiver:
    """Listens on 127.0.0.1 in a thread of its own; use as a context manager.

    With a certificate it offers and requires STARTTLS (`implicit_tls`: TLS from the first byte); with `login` (user and
    password) it requires AUTH. `answers` are the replies to the next mails, `250 OK` when there is none left; `refuse`
    maps an addressee to the reply he gets for ever.
    """

    def __init__(
        self,
        *,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.mails: list[Mail] = []
        self.answers: deque[str] = deque()
        self.refuse: dict[str, str] = {}
        self._certificate = certificate
        self._implicit_tls = implicit_tls
        self._login = login
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="smtp-receiver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(STARTS_WITHIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name and arguments
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse who has not signed in, where a login is asked for."""
        if self._login and not session.authenticated:  # aiosmtpd's own check warns wherever TLS is implicit
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name and arguments
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse an addressee."""
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail, unless the script says otherwise."""
        answer = self.answers.popleft() if self.answers else "250 OK"
        if answer.startswith("2"):
            raw = envelope.content if isinstance(envelope.content, bytes) else b""
            message = message_from_bytes(raw, EmailMessage, policy=default)
            sender, to = envelope.mail_from or "", tuple(envelope.rcpt_tos)
            self.mails.append(Mail(sender=sender, to=to, message=message, raw=raw))
        return answer

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        tls = self._certificate.server_context() if self._certificate and self._implicit_tls else None
        return await self._loop.create_server(self._protocol, sock=self._socket, ssl=tls)

    def _protocol(self) -> SMTP:
        options: dict[str, Any] = {"hostname": "localhost", "loop": self._loop}
        if self._certificate and not self._implicit_tls:
            options |= {"tls_context": self._certificate.server_context(), "require_starttls": True}
        if self._login:
            tls = self._certificate is not None and not self._implicit_tls
            options |= {"authenticator": self._check, "auth_require_tls": tls}
        return SMTP(self, **options)

    def _check(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:  # noqa: ANN401
        known = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == self._login
        return AuthResult(success=known, handled=False)
