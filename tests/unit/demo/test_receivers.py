"""The receivers of the demo and the tests: they take what is right and refuse what is not."""

from __future__ import annotations

import base64
import http.client
import smtplib
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from monitor.demo.receivers import Answer, SmtpReceiver, WebhookReceiver

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
MAIL = b"Subject: spike\r\n\r\nACME\r\n"


def post(port: int, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """One POST on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/alerts", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_mail_is_kept_parsed() -> None:
    """The demo shows its subject; tests look into it."""
    with SmtpReceiver() as receiver:
        with smtplib.SMTP("127.0.0.1", receiver.port, timeout=10) as client:
            client.sendmail("a@x.example", ["b@x.example"], MAIL)
        kept = receiver.mails[0]
    assert (kept.sender, kept.to, kept.message["Subject"]) == ("a@x.example", ("b@x.example",), "spike")


def test_mail_answers_follow_the_script() -> None:
    """A test says what a server may say; a mail that was not taken is not kept."""
    with SmtpReceiver() as receiver:
        receiver.answers.append("451 later")
        receiver.refuse["nobody@x.example"] = "550 unknown"
        with smtplib.SMTP("127.0.0.1", receiver.port, timeout=10) as client:
            with pytest.raises(smtplib.SMTPDataError, match="451"):
                client.sendmail("a@x.example", ["b@x.example"], MAIL)
            refused = client.sendmail("a@x.example", ["b@x.example", "nobody@x.example"], MAIL)
    assert refused == {"nobody@x.example": (550, b"unknown")}
    assert [mail.to for mail in receiver.mails] == [("b@x.example",)]


def test_mail_without_the_login_is_refused() -> None:
    """As by any server that is not an open relay."""
    with (
        SmtpReceiver(login=("user", "right")) as receiver,
        smtplib.SMTP("127.0.0.1", receiver.port, timeout=10) as client,
    ):
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@x.example", ["b@x.example"], MAIL)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("user", "wrong")
    assert receiver.mails == []


def test_hooks_are_kept_and_their_signature_checked() -> None:
    """Signed by the standard's own library, changed on the way: 401."""
    now, body = datetime.now(UTC), b'{"status":"firing"}'
    headers = {
        "webhook-id": "n-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("n-1", now, body.decode()),
    }
    with WebhookReceiver(secret=SECRET) as receiver:
        assert post(receiver.port, body, headers) == (200, b"ok")
        assert post(receiver.port, body + b" ", headers)[0] == 401
        assert post(receiver.port, body)[0] == 401
    assert [hook.verified for hook in receiver.hooks] == [True, False, False]
    assert receiver.hooks[0].json == {"status": "firing"}


def test_hook_answers_follow_the_script() -> None:
    """Then it says 200 again."""
    with WebhookReceiver() as receiver:
        receiver.answers += [Answer(status=503, body=b"down"), Answer(drop=True)]
        assert post(receiver.port, b"{}") == (503, b"down")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            post(receiver.port, b"{}")
        assert post(receiver.port, b"{}")[0] == 200
    assert len(receiver.hooks) == 3
