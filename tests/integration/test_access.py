"""The server on real sockets: TLS, certificates that change, clients that dawdle or crowd."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import BinaryIO

import pytest
from prometheus_client import CollectorRegistry

from monitor.demo.certificate import Certificate, make_certificate
from monitor.errors import ConfigurationError
from monitor.ports import PushOutcome
from monitor.settings import WebSettings
from monitor.web import WebServer, connections, tls

TOKEN = "correct-horse-battery"
TAKEN = PushOutcome(published=1, repeated=0, rejected=())
POST = b"POST /api/v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for loopback."""
    return make_certificate(tmp_path, now=datetime.now(UTC))


@contextmanager
def served(**keys: object) -> Iterator[WebServer]:
    """A server on a free port."""
    settings = WebSettings.model_validate({"port": 0} | keys)
    server = WebServer(settings, registry=CollectorRegistry(), ready=dict, submit=lambda _body, _kind: TAKEN)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def secured(certificate: Certificate, **keys: object) -> dict[str, object]:
    """Settings for HTTPS."""
    return {"tls_cert_file": certificate.cert_file, "tls_key_file": certificate.key_file} | keys


def trusting(certificate: Certificate) -> ssl.SSLContext:
    """A client's context that trusts this certificate alone."""
    return ssl.create_default_context(cafile=str(certificate.cert_file))


def ask(server: WebServer, path: str, certificate: Certificate, **headers: str) -> int:
    """The status of one request over TLS."""
    connection = HTTPSConnection("localhost", server.port, timeout=10, context=trusting(certificate))
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_beyond_loopback_everything_goes_over_tls_and_wants_the_token(certificate: Certificate) -> None:
    """Listening on every address; what is in the clear gets no answer at all."""
    with served(**secured(certificate, host="0.0.0.0", token=TOKEN)) as server:
        assert server.url.startswith("https://")
        assert ask(server, "/livez", certificate) == 200
        for path in ("/metrics", "/api/v1/documents", "/", "/nowhere"):
            assert ask(server, path, certificate) == 401
        assert ask(server, "/metrics", certificate, Authorization=f"Bearer {TOKEN}") == 200
        assert ask(server, "/metrics", certificate, Authorization="Bearer wrong") == 401
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            plain.sendall(GET)
            assert b"200" not in received(plain)


def test_old_tls_is_refused(certificate: Certificate) -> None:
    """TLS 1.1 and before are broken."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        served(**secured(certificate)) as server,
        socket.create_connection(("127.0.0.1", server.port)) as plain,
        pytest.raises(OSError, match=r"(?i)protocol|version|alert|reset|EOF"),
    ):
        old.wrap_socket(plain, server_hostname="localhost")


def test_a_certificate_that_was_renewed_is_shown_without_a_restart(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that cannot be read leaves the old one in use."""
    monkeypatch.setattr(tls, "LOOK_EVERY_S", 0.0)
    (tmp_path / "new").mkdir()
    renewed = make_certificate(tmp_path / "new", now=datetime.now(UTC), days=60)
    trusted_before = trusting(certificate)
    with served(**secured(certificate)) as server:
        assert shown(server, trusted_before) == der(certificate)
        key = certificate.key_file.read_bytes()
        certificate.key_file.write_bytes(b"half a key")
        assert shown(server, trusted_before) == der(certificate)
        certificate.key_file.write_bytes(key)
        expected = der(renewed)
        renewed.cert_file.replace(certificate.cert_file)
        renewed.key_file.replace(certificate.key_file)
        assert shown(server, trusting(certificate)) == expected


def der(certificate: Certificate) -> bytes:
    """The certificate as it crosses the wire."""
    return ssl.PEM_cert_to_DER_cert(certificate.cert_file.read_text())


def shown(server: WebServer, context: ssl.SSLContext) -> bytes | None:
    """The certificate that the server shows."""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        return secure.getpeercert(binary_form=True)


@pytest.mark.parametrize("broken", ["cert", "key", "other key", "passphrase"])
def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_served(
    broken: str, certificate: Certificate, tmp_path: Path
) -> None:
    """The message names the file and the remedy; nothing asks for a passphrase on a terminal."""
    settings = secured(certificate)
    if broken in ("cert", "key"):
        certificate.key_file.with_suffix(".crt" if broken == "cert" else ".key").unlink()
    elif broken == "other key":
        (tmp_path / "other").mkdir()
        settings["tls_key_file"] = make_certificate(tmp_path / "other", now=datetime.now(UTC)).key_file
    else:
        certificate.key_file.write_bytes(locked(certificate.key_file))
    with pytest.raises(ConfigurationError, match=r"web\.tls_(cert|key)_file"), served(**settings):
        pass


def locked(key: Path) -> bytes:
    """The key under a passphrase."""
    from cryptography.hazmat.primitives import serialization as forms

    loaded = forms.load_pem_private_key(key.read_bytes(), None)
    return loaded.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.BestAvailableEncryption(b"word"))


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionError:
        pass
    return found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that counts loopback as any other address."""
    monkeypatch.setattr(connections, "client_of", lambda address, _headers, *, behind_proxy: address)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, counted: None) -> None:
    """Such a door with little patience."""
    del counted  # asked for what it does
    made = connections.Doorway
    monkeypatch.setattr(
        "monitor.web.server.Doorway",
        lambda *, per_client: made(per_client=per_client, request_s=0.8, first_byte_s=0.4),
    )


def say_nothing(connection: socket.socket) -> None:
    """Connect and wait."""


def drip_head(connection: socket.socket) -> None:
    """One header line every tenth of a second."""
    _drip(connection, GET[:-2], b"X-A: b\r\n")


def drip_body(connection: socket.socket) -> None:
    """One byte of a body every tenth of a second."""
    _drip(connection, POST + b"Content-Length: 1000\r\n\r\n", b" ")


def drip_second_head(connection: socket.socket) -> None:
    """A sound request, and then a slow one on the same connection."""
    connection.sendall(GET)
    assert b"200 OK" in connection.recv(65_536)
    _drip(connection, GET[:-2], b"X-A: b\r\n")


def _drip(connection: socket.socket, first: bytes, piece: bytes) -> None:
    try:
        connection.sendall(first)
        for _ in range(60):
            connection.sendall(piece)
            time.sleep(0.1)
    except ConnectionError:
        return


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("dawdle", [say_nothing, drip_head, drip_body, drip_second_head])
def test_a_client_that_dawdles_is_cut_off(dawdle: Callable[[socket.socket], None]) -> None:
    """Each byte must not give it more time: a hundred such clients would hold the server for ever."""
    with served() as server, socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        started_s = time.monotonic()
        dawdle(connection)
        received(connection)
        assert time.monotonic() - started_s < 4


@pytest.mark.usefixtures("impatient")
def test_a_request_that_is_answered_slowly_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is the client's; ours may take its time, and the connection serves on."""
    settings = WebSettings.model_validate({"port": 0})

    def slow(_body: bytes, _kind: str) -> PushOutcome:
        time.sleep(1.2)
        return TAKEN

    server = WebServer(settings, registry=CollectorRegistry(), ready=dict, submit=slow)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            answers = connection.makefile("rb")
            connection.sendall(POST + b"Content-Length: 2\r\n\r\n{}")
            assert b"202" in _head(answers)
            connection.sendall(GET)
            assert b"200 OK" in _head(answers)
    finally:
        server.stop()


def _head(answers: BinaryIO) -> bytes:
    """The first line of the next answer; its body, which may come apart from its head, is read as well."""
    first, size = answers.readline(), 0
    while (line := answers.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    answers.read(size)
    return first


@pytest.mark.usefixtures("counted")
def test_one_client_holds_only_so_many_connections() -> None:
    """A further one is closed at once; when one ends, there is room again."""
    with served(max_connections_per_client=3) as server:
        address = ("127.0.0.1", server.port)
        held = [socket.create_connection(address, timeout=5) for _ in range(3)]
        for each in held:
            each.sendall(GET)
            assert b"200 OK" in each.recv(65_536)
        with socket.create_connection(address, timeout=5) as further:
            further.sendall(GET)
            assert received(further) == b""
        for each in held:
            each.close()
        wait_for_room(address)


def wait_for_room(address: tuple[str, int]) -> None:
    """Ask until there is an answer; the server learns of closed connections in its own time."""
    for _ in range(100):
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            if b"200 OK" in received(connection):
                return
    pytest.fail("no room for a connection, though all were closed")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
        b"\x00\xff" * 1000 + b"\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
    ids=["path", "headers", "binary", "smuggled", "two lengths", "negative", "chunk"],
)
def test_what_is_no_sound_request_gets_one_refusal_and_the_server_serves_on(sent: bytes) -> None:
    """Too long, ambiguous, or not HTTP."""
    with served() as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            with suppress(OSError):  # it may have refused and gone before all of it was sent
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
            answer = received(connection)
        assert answer.count(b"HTTP/1.1 ") <= 1
        assert b" 200 " not in answer
        assert b" 202 " not in answer
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(GET)
            assert b"200 OK" in connection.recv(65_536)
