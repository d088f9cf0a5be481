"""The header that carries an access token."""

from __future__ import annotations

from pydantic import SecretStr

from monitor.settings import HeaderSettings


def bearer(token: SecretStr | None) -> tuple[HeaderSettings, ...]:
    """The header for `token`; none without one."""
    return (HeaderSettings(name="Authorization", value="Bearer ", secret=token),) if token else ()
