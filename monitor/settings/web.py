"""The section for HTTP: where to listen, over what, who may ask, how much."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PositiveInt, SecretStr, model_validator

from monitor.settings.base import Port, Section

MIN_SECRET_CHARS = 16  #: Of a token or password that is asked for beyond loopback.


def is_loopback(host: str) -> bool:
    """True for `localhost` and loopback addresses."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WebSettings(Section):
    """Health, metrics, HTTP push."""

    host: str = "127.0.0.1"
    """Address to listen on; beyond loopback a token or a login is required, and TLS."""

    port: Port = 8080
    """Port; 0 picks a free one and logs it."""

    tls_cert_file: Path | None = None
    """Certificate with its chain (PEM), for HTTPS; read again when it changes."""

    tls_key_file: Path | None = None
    """Its key (PEM), without a passphrase."""

    behind_proxy: bool = False
    """A proxy in front speaks TLS: plain HTTP is allowed beyond loopback, its X-Forwarded-For is believed."""

    token: SecretStr | None = None
    """Bearer token for `/api/`, beyond loopback for everything; better from the environment or `token_file`."""

    token_file: Path | None = None
    """A file that holds the token."""

    username: str | None = None
    """User for basic authentication, beside the token or in its place."""

    password: SecretStr | None = None
    """Its password; better from the environment or `password_file`."""

    password_file: Path | None = None
    """A file that holds the password."""

    max_body_bytes: PositiveInt = 8_000_000
    """Largest request body taken."""

    max_requests_per_minute: Annotated[int, Field(ge=0)] = 3000
    """Requests of one client, those of loopback apart; beyond, 429. 0 is no limit."""

    max_connections_per_client: Annotated[int, Field(ge=1)] = 50
    """Open connections of one client, those of loopback apart; a further one is closed."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file go together")
        if (self.username is None) != (self.password is None and self.password_file is None):
            raise ValueError("username and password (or password_file) go together")
        if self.username is not None and ":" in self.username:
            raise ValueError("username: a colon cannot stand in it")
        if not is_loopback(self.host):
            self._check_open()
        return self

    def _check_open(self) -> None:
        """Hold what is reached from other machines to more."""
        if not (self.token or self.token_file or self.username):
            raise ValueError("host beyond loopback needs token or token_file, or username and password_file")
        if self.tls_cert_file is None and not self.behind_proxy:
            remedy = "or behind_proxy: true where a proxy in front speaks TLS"
            raise ValueError(f"host beyond loopback needs tls_cert_file and tls_key_file, {remedy}")
        for name, secret in (("token", self.token), ("password", self.password)):
            if secret is not None and len(secret.get_secret_value()) < MIN_SECRET_CHARS:
                raise ValueError(f"{name}: beyond loopback at least {MIN_SECRET_CHARS} characters")
