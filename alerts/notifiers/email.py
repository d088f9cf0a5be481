"""Send notifications as mail over SMTP.

What an error means: a connection, TLS or sign-in that fails and every 4xx answer is worth another try; a 5xx answer to
the mail itself is not. A wrong password and a wrong certificate are among the first kind on purpose: nothing is wrong
with the mail, somebody will repair the server or the configuration, and the alert must then still arrive.
"""

from __future__ import annotations

import smtplib
import ssl
from collections import OrderedDict
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr

from alerts.messages.content import ContentBuilder
from alerts.messages.plain import plain
from alerts.notifiers.compose import Charts, MailComposer
from alerts.notifiers.smtp_talk import Smtp, SmtpTls, Talk, talk
from monitor.domain import Notification
from monitor.errors import ConfigurationError, PermanentError, TransientError
from monitor.settings.alerting import EmailReceiver
from monitor.settings.web import is_loopback

REPLY_CHARS = 200
PERMANENT = 500  #: SMTP answers from here on are final.
REMEMBERED = 200  #: Notifications that some addressees have and others wait for.

Refusals = dict[str, tuple[int, bytes]]


class EmailNotifier:
    """One mail receiver.

    When a server takes a mail for some addressees and asks to try the others later, the next attempt goes to those
    others alone. That memory ends with the process: after a restart all of them get it (again), with one Message-ID.
    """

    def __init__(self, receiver: EmailReceiver, content: ContentBuilder, *, charts: Charts | None = None) -> None:
        if receiver.tls == "none" and not is_loopback(receiver.host):
            raise ConfigurationError(f"receiver {receiver.name}: tls: none is only for a server on loopback")
        if (receiver.username is None) != (receiver.password is None):
            raise ConfigurationError(f"receiver {receiver.name}: username and password go together")
        self._receiver = receiver
        self._tls = _tls_context(receiver)
        self._sender = _address(receiver.sender, receiver.name)
        self._to = [_address(to, receiver.name) for to in receiver.to]
        self._composer = MailComposer(content, sender=self._sender, to=self._to, charts=charts)
        self._served: OrderedDict[str, frozenset[str]] = OrderedDict()

    def send(self, notification: Notification) -> str:
        """Deliver; returns who has it. Raises `TransientError` or `PermanentError`."""
        message = self._composer.compose(notification)
        served = self._served.get(notification.id, frozenset())
        waiting = [to.addr_spec for to in self._to if to.addr_spec not in served]
        try:
            refused = self._transmit(message, waiting)
        except smtplib.SMTPRecipientsRefused as err:
            refused = err.recipients
        except smtplib.SMTPResponseException as err:
            raise _error_of(err) from err
        except (smtplib.SMTPException, OSError) as err:
            raise TransientError(
                f"{self._receiver.host}: {plain(str(err), REPLY_CHARS) or type(err).__name__}"
            ) from err
        return self._outcome(notification.id, served | (set(waiting) - set(refused)), refused)

    def _transmit(self, message: EmailMessage, to: list[str]) -> Refusals:
        with talk(self._receiver.timeout.total_seconds()) as held:
            client = self._connect(held)
            try:
                self._sign_in(client)
                refused: Refusals = client.send_message(message, self._sender.addr_spec, to)
            except BaseException:
                client.close()
                raise
            try:
                client.quit()
            except (smtplib.SMTPException, OSError):
                client.close()  # the mail is accepted; how the talk ends changes nothing
            return refused

    def _connect(self, held: Talk) -> smtplib.SMTP:
        receiver = self._receiver
        if receiver.tls == "tls":
            return SmtpTls(held, receiver.host, receiver.port, self._tls)
        return Smtp(held, receiver.host, receiver.port)

    def _sign_in(self, client: smtplib.SMTP) -> None:
        receiver = self._receiver
        if receiver.tls == "starttls":
            client.starttls(context=self._tls)
        if receiver.username is not None and receiver.password is not None:
            client.login(receiver.username, receiver.password.get_secret_value())

    def _outcome(self, notification_id: str, served: frozenset[str], refused: Refusals) -> str:
        said = "; ".join(f"{to}: {_reply(code, answer)}" for to, (code, answer) in refused.items())
        if any(code < PERMANENT for code, _ in refused.values()):
            self._remember(notification_id, served)
            raise TransientError(f"accepted for {len(served)} of {len(self._to)}; try later: {said}")
        self._served.pop(notification_id, None)
        if not served:
            raise PermanentError(f"every addressee refused: {said}")
        detail = f"accepted for {len(served)} of {len(self._to)}"
        return f"{detail}; refused: {said}" if refused else detail

    def _remember(self, notification_id: str, served: frozenset[str]) -> None:
        self._served[notification_id] = served
        while len(self._served) > REMEMBERED:
            self._served.popitem(last=False)


def _error_of(err: smtplib.SMTPResponseException) -> TransientError | PermanentError:
    said = _reply(err.smtp_code, err.smtp_error)
    if isinstance(err, smtplib.SMTPAuthenticationError):
        return TransientError(f"sign-in refused, check username and password: {said}")
    return PermanentError(said) if err.smtp_code >= PERMANENT else TransientError(said)


def _reply(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {plain(text, REPLY_CHARS)}"


def _tls_context(receiver: EmailReceiver) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if receiver.ca_file is not None:
        try:
            context.load_verify_locations(receiver.ca_file)
        except OSError as err:  # ssl.SSLError is one
            raise ConfigurationError(f"receiver {receiver.name}: ca_file {receiver.ca_file}: {err}") from err
    return context


def _address(mailbox: str, receiver: str) -> Address:
    name, spec = parseaddr(mailbox)
    try:
        address = Address(display_name=plain(name, REPLY_CHARS), addr_spec=spec)
        address.addr_spec.encode("ascii")
    except (ValueError, IndexError, MessageError) as err:
        raise ConfigurationError(f"receiver {receiver}: not a mail address: {mailbox!r}") from err
    return address
