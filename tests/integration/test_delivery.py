"""Delivery against real servers on loopback: aiosmtpd, and HTTP checked by the `standardwebhooks` library."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook

from alerts.delivery import Delivery, Pace
from alerts.notifiers.build import build_notifiers
from monitor.demo.receivers import Answer, Certificate, SmtpReceiver, WebhookReceiver, make_certificate
from monitor.domain import AlertState
from monitor.metrics import AlertMetrics
from monitor.settings import AlertingSettings
from tests.fixtures.outbox import MemoryOutbox
from tests.unit.alerts.notices import T0, alert, notification

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
LOGIN = ("tapewatch", "correct horse")
STEP = timedelta(minutes=5)  # longer than any wait of the deliveries here


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that nobody trusts yet."""
    return make_certificate(tmp_path_factory.mktemp("tls"), now=datetime.now(UTC))


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def mail(port: int, **changes: Any) -> dict[str, Any]:
    """A mail receiver of the configuration."""
    return {
        "type": "email", "name": "desk", "to": ["Ann <a@desk.example>", "b@desk.example"], "from": "t@desk.example",
        "host": "127.0.0.1", "port": port, "tls": "none", "timeout": "5s", **changes,
    }  # fmt: skip


def hook(url: str, **changes: Any) -> dict[str, Any]:
    """A webhook receiver of the configuration."""
    return {"type": "webhook", "name": "desk", "url": url, "secret": SECRET, "timeout": "5s", **changes}


@contextmanager
def delivering(outbox: MemoryOutbox, *receivers: dict[str, Any]) -> Iterator[Delivery]:
    """A delivery to `receivers` as the configuration has them; the signing clock is the real one."""
    settings = AlertingSettings.model_validate({"receivers": list(receivers)})
    work = Delivery(
        outbox,
        build_notifiers(settings, clock=lambda: datetime.now(UTC)),
        owner="w1",
        metrics=AlertMetrics(CollectorRegistry()),
        max_retry_wait=timedelta(minutes=1),
        pace=Pace(patience_s=30.0),
    )
    try:
        yield work
    finally:
        work.close()


def log(outbox: MemoryOutbox) -> list[tuple[str, str]]:
    """Outcome and detail of every attempt, in order."""
    return [(attempt.outcome, attempt.detail) for attempt in reversed(outbox.deliveries())]


def send(outbox: MemoryOutbox, *receivers: dict[str, Any], rounds: int = 1) -> list[tuple[str, str]]:
    """Run `rounds` rounds of delivery of one notification; returns the log."""
    outbox.put(notification())
    with delivering(outbox, *receivers) as work:
        for n in range(rounds):
            work.run_once(T0 + n * STEP)
    return log(outbox)


# --- mail --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_over_verified_tls_with_login(certificate: Certificate, tls: str) -> None:
    """The whole of a usual set-up: encryption, certificate, sign-in, envelope, mail."""
    with SmtpReceiver(certificate=certificate, implicit_tls=tls == "tls", login=LOGIN) as server:
        receiver = mail(server.port, tls=tls, ca_file=certificate.cert_file, username=LOGIN[0], password=LOGIN[1])
        assert send(MemoryOutbox(), receiver) == [("delivered", "accepted for 2 of 2")]
    got = server.mails[0]
    assert (got.sender, got.to) == ("t@desk.example", ("a@desk.example", "b@desk.example"))
    assert got.message["Message-ID"] == "<n-1@tapewatch>"
    assert got.message["Subject"].startswith("[FIRING] Negative spike: ACME: 23 negative stories")
    assert {part.get_content_type() for part in got.message.walk()} >= {"text/plain", "text/html"}


def test_mail_to_a_server_with_an_untrusted_certificate_stays_in_the_outbox(certificate: Certificate) -> None:
    """Nobody in between may read the alert; it goes out when the certificate is mended."""
    outbox = MemoryOutbox()
    with SmtpReceiver(certificate=certificate) as server:
        [(outcome, detail)] = send(outbox, mail(server.port, tls="starttls"))
        assert (outcome, server.mails, outbox.outbox_size()) == ("retry", [], 1)
        assert "certificate" in detail
        with delivering(outbox, mail(server.port, tls="starttls", ca_file=certificate.cert_file)) as work:
            work.run_once(T0 + STEP)
    assert len(server.mails) == 1


def test_mail_to_a_server_with_another_name_is_not_sent(certificate: Certificate, tmp_path: Path) -> None:
    """A certificate that somebody else trusts says nothing about this server."""
    other = make_certificate(tmp_path, now=datetime.now(UTC))
    with SmtpReceiver(certificate=certificate) as server:
        [(outcome, _)] = send(MemoryOutbox(), mail(server.port, tls="starttls", ca_file=other.cert_file))
    assert (outcome, server.mails) == ("retry", [])


def test_mail_to_a_server_without_starttls_is_not_sent_in_the_clear() -> None:
    """Whoever strips the offer on the way must not get the password or the alert."""
    with SmtpReceiver() as server:
        receiver = mail(server.port, tls="starttls", username=LOGIN[0], password=LOGIN[1])
        [(outcome, detail)] = send(MemoryOutbox(), receiver)
    assert (outcome, server.mails) == ("retry", [])
    assert "STARTTLS" in detail


def test_mail_with_a_wrong_password_waits_for_the_right_one(certificate: Certificate) -> None:
    """Nothing is wrong with the mail; after a correction and a restart it arrives. The log holds no password."""
    outbox, options = MemoryOutbox(), {"tls": "starttls", "ca_file": certificate.cert_file, "username": LOGIN[0]}
    with SmtpReceiver(certificate=certificate, login=LOGIN) as server:
        [(outcome, detail)] = send(outbox, mail(server.port, password="battery staple", **options))
        assert (outcome, server.mails) == ("retry", [])
        assert "sign-in refused" in detail
        assert "battery" not in detail
        with delivering(outbox, mail(server.port, password=LOGIN[1], **options)) as work:
            work.run_once(T0 + STEP)
    assert [m.message["Message-ID"] for m in server.mails] == ["<n-1@tapewatch>"]


def test_mail_that_is_put_off_arrives_later_as_the_same_mail() -> None:
    """4xx is not yet; a repeat is told by its Message-ID."""
    with SmtpReceiver() as server:
        server.answers += ["451 greylisted", "452 disk full"]
        said = send(MemoryOutbox(), mail(server.port), rounds=3)
    assert said == [("retry", "451 greylisted"), ("retry", "452 disk full"), ("delivered", "accepted for 2 of 2")]
    assert [m.message["Message-ID"] for m in server.mails] == ["<n-1@tapewatch>"]


def test_mail_that_is_refused_is_not_tried_again() -> None:
    """5xx is never."""
    with SmtpReceiver() as server:
        server.answers.append("554 policy")
        assert send(MemoryOutbox(), mail(server.port), rounds=2) == [("refused", "554 policy")]


def test_one_addressee_refused_for_good_does_not_keep_it_from_the_other() -> None:
    """One stale address must not silence the desk; the log names it."""
    with SmtpReceiver() as server:
        server.refuse["b@desk.example"] = "550 unknown"
        said = send(MemoryOutbox(), mail(server.port), rounds=2)
    assert said == [("delivered", "accepted for 1 of 2; refused: b@desk.example: 550 unknown")]
    assert [m.to for m in server.mails] == [("a@desk.example",)]


def test_one_addressee_put_off_is_tried_again_alone() -> None:
    """Who has the mail does not get it again."""
    outbox = MemoryOutbox()
    outbox.put(notification())
    with SmtpReceiver() as server, delivering(outbox, mail(server.port)) as work:
        server.refuse["b@desk.example"] = "450 greylisted"
        work.run_once(T0)
        server.refuse.clear()
        work.run_once(T0 + STEP)
    assert [m.to for m in server.mails] == [("a@desk.example",), ("b@desk.example",)]
    assert [outcome for outcome, _ in log(outbox)] == ["retry", "delivered"]


def test_every_addressee_refused_is_refused() -> None:
    """There is nobody left to send it to."""
    with SmtpReceiver() as server:
        server.refuse |= {"a@desk.example": "550 unknown", "b@desk.example": "550 unknown"}
        [(outcome, detail)] = send(MemoryOutbox(), mail(server.port))
    assert outcome == "refused"
    assert "every addressee refused" in detail


def test_mail_waits_for_a_server_that_is_down() -> None:
    """Connection refused, then back on the same port: nothing lost."""
    outbox, port = MemoryOutbox(), free_port()
    assert send(outbox, mail(port))[0][0] == "retry"
    with SmtpReceiver(port=port) as server, delivering(outbox, mail(port)) as work:
        work.run_once(T0 + STEP)
    assert len(server.mails) == 1


def test_mail_to_a_server_that_says_nothing_times_out() -> None:
    """A port that accepts and stays silent is as good as down."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        [(outcome, detail)] = send(MemoryOutbox(), mail(silent.getsockname()[1], timeout="200ms"))
    assert outcome == "retry"
    assert "timed out" in detail


class DrippingServer:
    """Speaks SMTP until a command that begins with `at`, which it answers byte by byte for ever; `mails` came whole."""

    def __init__(self, at: str) -> None:
        self._at = at
        self.mails: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> DrippingServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)
        self._listener.close()
        assert not self._thread.is_alive(), "the client hung up"

    def _serve(self) -> None:
        talk, _ = self._listener.accept()
        with talk, talk.makefile("rb") as lines, suppress(OSError):
            self._answer(talk, "", b"220 hello\r\n")
            for line in lines:
                word = line.decode().strip()
                self._answer(talk, word, b"354 go on\r\n" if word == "data" else b"250 ok\r\n")
                if word == "data":
                    self.mails.append("".join(part.decode() for part in iter(lines.readline, b".\r\n")))
                    self._answer(talk, ".", b"250 ok\r\n")

    def _answer(self, talk: socket.socket, word: str, answer: bytes) -> None:
        while word.partition(" ")[0] == self._at:
            talk.sendall(b"2")
            time.sleep(0.05)
        talk.sendall(answer)


@pytest.mark.parametrize("at", ["", "ehlo", "mail", "data", "."])
def test_mail_to_a_server_that_drips_is_over_in_time_and_arrives_later(at: str) -> None:
    """Every byte is in time for a read; the talk is not. Where it was the answer to the mail, the same mail comes."""
    outbox = MemoryOutbox()
    with DrippingServer(at) as drips:
        started_s = time.monotonic()
        said = send(outbox, mail(drips.port, timeout="400ms"))
        assert time.monotonic() - started_s < 10
    assert said == [("retry", "127.0.0.1: timed out: no whole answer within 0.4 s")]
    with SmtpReceiver() as server, delivering(outbox, mail(server.port)) as work:
        work.run_once(T0 + STEP)
    assert [m.message["Message-ID"] for m in server.mails] == ["<n-1@tapewatch>"]
    assert len(drips.mails) == (at == ".")
    assert all("Message-ID: <n-1@tapewatch>" in sent for sent in drips.mails)


# --- webhook -----------------------------------------------------------------------------------------------------


def test_hook_is_verified_by_the_standards_own_library() -> None:
    """Body, id, time and signature as an independent implementation wants them."""
    with WebhookReceiver(secret=SECRET) as server:
        assert send(MemoryOutbox(), hook(server.url)) == [("delivered", "200 ok")]
    got = server.hooks[0]
    body = Webhook(SECRET).verify(got.raw, got.headers)
    assert got.verified
    assert (body["version"], body["status"], got.headers["webhook-id"]) == ("4", "firing", "n-1")
    assert got.headers["user-agent"].startswith("tapewatch/")


def test_hook_with_another_secret_is_refused() -> None:
    """401 is final: somebody has to set the right secret."""
    with WebhookReceiver(secret=SECRET) as server:
        wrong = "whsec_" + base64.b64encode(b"w" * 32).decode()
        assert send(MemoryOutbox(), hook(server.url, secret=wrong)) == [("refused", "401 signature is wrong")]


def test_hook_is_tried_again_after_500_with_the_same_id_and_a_fresh_signature() -> None:
    """The receiver drops a repeat by its id and accepts it by its time."""
    with WebhookReceiver(secret=SECRET) as server:
        server.answers.append(Answer(status=500, body=b"oops"))
        said = send(MemoryOutbox(), hook(server.url), rounds=2)
    assert said == [("retry", "500 oops"), ("delivered", "200 ok")]
    assert {h.headers["webhook-id"] for h in server.hooks} == {"n-1"}
    assert all(h.verified for h in server.hooks)
    assert server.hooks[0].raw == server.hooks[1].raw


def test_hook_keeps_the_wait_that_429_asks_for() -> None:
    """Asking earlier makes it worse."""
    outbox = MemoryOutbox()
    outbox.put(notification())
    with WebhookReceiver() as server, delivering(outbox, hook(server.url)) as work:
        server.answers.append(Answer(status=429, headers={"Retry-After": "600"}))
        done = [work.run_once(T0 + timedelta(seconds=s)) for s in (0, 599, 610)]
    assert done == [1, 0, 1]
    assert log(outbox)[-1] == ("delivered", "200 ok")


def test_hook_that_hangs_times_out_and_holds_up_nobody() -> None:
    """The other receiver has it long before the time-out; the one that hangs gets it later."""
    outbox = MemoryOutbox()
    outbox.put(notification(), notification(id="n-2", receiver="fast"))
    with WebhookReceiver() as slow, WebhookReceiver() as fast:
        slow.answers.append(Answer(hang_s=30))
        receivers = (hook(slow.url, timeout="500ms"), hook(fast.url, name="fast"))
        with delivering(outbox, *receivers) as work:
            work.run_once(T0)
            first = [(a.receiver, a.outcome) for a in reversed(outbox.deliveries())]
            work.run_once(T0 + STEP)
    assert first == [("fast", "delivered"), ("desk", "retry")]
    assert log(outbox)[-1] == ("delivered", "200 ok")
    assert len(fast.hooks) == 1


def test_hook_that_drips_its_answer_is_over_in_time_and_gets_the_same_again() -> None:
    """Every byte is in time for a read; the answer is not."""
    with WebhookReceiver() as server:
        server.answers.append(Answer(body=b"o" * 500, drip_s=0.1))
        started_s = time.monotonic()
        [retry, delivered] = send(MemoryOutbox(), hook(server.url, timeout="400ms"), rounds=2)
        assert time.monotonic() - started_s < 10
    assert (retry[0], "timed out" in retry[1], delivered) == ("retry", True, ("delivered", "200 ok"))
    assert [h.headers["webhook-id"] for h in server.hooks] == ["n-1", "n-1"]


def test_hook_survives_a_connection_that_is_closed_without_an_answer() -> None:
    """It may have arrived: the id tells the receiver."""
    with WebhookReceiver() as server:
        server.answers.append(Answer(drop=True))
        said = send(MemoryOutbox(), hook(server.url), rounds=2)
    assert [outcome for outcome, _ in said] == ["retry", "delivered"]
    assert [h.headers["webhook-id"] for h in server.hooks] == ["n-1", "n-1"]


def test_hook_waits_for_a_receiver_that_is_down_across_a_restart() -> None:
    """Connection refused, the monitor restarts, the receiver comes back: nothing lost."""
    outbox, port = MemoryOutbox(), free_port()
    url = f"http://127.0.0.1:{port}/secret-path"
    [(outcome, detail)] = send(outbox, hook(url))
    assert outcome == "retry"
    assert "secret-path" not in detail
    with WebhookReceiver(port=port) as server, delivering(outbox, hook(url)) as work:
        work.run_once(T0 + STEP)
    assert len(server.hooks) == 1


def test_hook_does_not_follow_a_redirect() -> None:
    """The signed body goes to the configured address and nowhere else."""
    with WebhookReceiver() as server, WebhookReceiver() as elsewhere:
        server.answers.append(Answer(status=307, headers={"Location": elsewhere.url}))
        [(outcome, detail)] = send(MemoryOutbox(), hook(server.url))
    assert (outcome, elsewhere.hooks) == ("refused", [])
    assert detail.startswith("307")


def test_firing_and_resolved_reach_mail_and_hook() -> None:
    """The whole life of an alert on both channels."""
    outbox = MemoryOutbox()
    over = alert(state=AlertState.RESOLVED, since_at=T0 + STEP)
    with (
        SmtpReceiver() as mails,
        WebhookReceiver(secret=SECRET) as hooks,
        delivering(outbox, mail(mails.port, name="mail"), hook(hooks.url, name="hook")) as work,
    ):
        for n, (one, at) in enumerate([(alert(), T0), (over, T0 + STEP)]):
            for name in ("mail", "hook"):
                outbox.put(notification(one, id=f"{name}-{n}", receiver=name, created_at=at))
            work.run_once(at)
    assert [h.json["status"] for h in hooks.hooks] == ["firing", "resolved"]
    assert [m.message["Subject"].split("]")[0] for m in mails.mails] == ["[FIRING", "[RESOLVED"]
    assert mails.mails[0].message["References"] == mails.mails[1].message["References"]
    assert outbox.outbox_size() == 0
