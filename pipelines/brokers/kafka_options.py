"""Settings to the keyword options of the Kafka client; pure, so that each can be tested without a broker."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import ConfigurationError
from monitor.settings import KafkaSettings

Options = dict[str, object]

LINGER_MS = 5  #: How long a record waits for company; costs nothing when batches are sent whole.
BATCH_BYTES = 131_072
REQUEST_TIMEOUT_S = 30.0
BOOTSTRAP_TIMEOUT_S = 10.0  #: A broker that is away is reported after so long; the caller comes again.
LONGEST_BLOCK_S = 30.0  #: A send may wait so long for metadata.


def common_options(settings: KafkaSettings) -> Options:
    """What every client needs: where, who, and how to prove it."""
    options: Options = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": settings.client_id,
        "security_protocol": settings.security_protocol,
        "bootstrap_timeout_ms": _ms(BOOTSTRAP_TIMEOUT_S),
        "reconnect_backoff_max_ms": 5_000,  # a broker that came back is noticed within seconds
    }
    for name, path in _certificates(settings).items():
        options[name] = str(path)
    if settings.sasl_mechanism is not None:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = _password(settings)
    return options


def producer_options(settings: KafkaSettings) -> Options:
    """Acknowledged by all in-sync replicas, idempotent, in batches."""
    delivery_s = settings.delivery_timeout.total_seconds()
    return {
        **common_options(settings),
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": LINGER_MS,
        "batch_size": BATCH_BYTES,
        "compression_type": None if settings.compression == "none" else settings.compression,
        "delivery_timeout_ms": _ms(delivery_s),
        # The client wants delivery >= request + linger.
        "request_timeout_ms": max(1, min(_ms(REQUEST_TIMEOUT_S), _ms(delivery_s) - LINGER_MS)),
        "max_block_ms": min(_ms(LONGEST_BLOCK_S), _ms(delivery_s)),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def consumer_options(settings: KafkaSettings, *, group: str | None, max_records: int) -> Options:
    """A member of `group`, if any, that commits by hand and begins at the earliest record."""
    session_s = settings.session_timeout.total_seconds()
    return {
        **common_options(settings),
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "max_poll_records": max_records,
        "max_poll_interval_ms": _ms(settings.max_poll_interval.total_seconds()),
        "session_timeout_ms": _ms(session_s),
        "heartbeat_interval_ms": min(3_000, _ms(session_s / 3)),
        "request_timeout_ms": _ms(REQUEST_TIMEOUT_S),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def _certificates(settings: KafkaSettings) -> dict[str, Path]:
    named = {
        "ssl_cafile": settings.ssl_cafile,
        "ssl_certfile": settings.ssl_certfile,
        "ssl_keyfile": settings.ssl_keyfile,
    }
    found = {name: path for name, path in named.items() if path is not None}
    for name, path in found.items():
        if not path.is_file():
            raise ConfigurationError(f"kafka.{name}: {path}: there is no such file")
    return found


def _password(settings: KafkaSettings) -> str:
    """The SASL password; the file is read here when nobody read it before."""
    if settings.sasl_password is not None:
        return settings.sasl_password.get_secret_value()
    if settings.sasl_password_file is None:
        raise ConfigurationError("kafka.sasl_password: missing; give it, or kafka.sasl_password_file")
    try:
        return settings.sasl_password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"kafka.sasl_password_file: {err}") from err


def _ms(duration_s: float) -> int:
    return int(duration_s * 1000)
