"""Kafka's errors in our family, and the one way to make a client."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import kafka.errors as ke

from monitor.errors import ConfigurationError, FencedError, PermanentError, TransientError

T = TypeVar("T")

PROBE_TIMEOUT_S = 5.0

Client = Any
"""An object of kafka-python, which ships no types."""

_FENCED = (
    ke.CommitFailedError,
    ke.IllegalGenerationError,
    ke.UnknownMemberIdError,
    ke.RebalanceInProgressError,
    ke.FencedInstanceIdError,
)
_MISCONFIGURED = (
    ke.AuthorizationError,
    ke.IllegalSaslStateError,
    ke.InvalidReplicationFactorError,
    ke.InvalidSessionTimeoutError,
    ke.InvalidTopicError,
    ke.KafkaConfigurationError,
    ke.PolicyViolationError,
    ke.SaslAuthenticationFailedError,
    ke.UnsupportedCodecError,
    ke.UnsupportedSaslMechanismError,
)
_TOO_LARGE = (ke.MessageSizeTooLargeError, ke.RecordListTooLargeError)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the client's errors into ours: fenced, refused for good, misconfigured, or worth another try."""
    try:
        yield
    except _FENCED as err:
        raise FencedError(f"Kafka, {doing}: {type(err).__name__}") from err
    except _MISCONFIGURED as err:
        raise ConfigurationError(f"Kafka, {doing}: {type(err).__name__}: {err}") from err
    except _TOO_LARGE as err:
        raise PermanentError(f"Kafka, {doing}: {type(err).__name__}: {err}") from err
    except (ke.KafkaError, ConnectionError, TimeoutError) as err:
        raise TransientError(f"Kafka, {doing}: {type(err).__name__}: {err}") from err


def connect(doing: str, servers: Sequence[str], make: Callable[[], T]) -> T:
    """Make a client; what it finds wrong with its options is a matter of configuration.

    A client that finds no broker leaves its thread and sockets behind, so one is made only when somebody listens.
    """
    if not any(_listens(server) for server in servers):
        raise TransientError(f"Kafka, {doing}: no broker can be reached at {', '.join(servers)}")
    try:
        with translated(doing):
            return make()
    except (OSError, ValueError, AssertionError) as err:
        # OSError: a certificate that cannot be read. AssertionError: how the client reports a bad combination.
        raise ConfigurationError(f"Kafka, {doing}: {type(err).__name__}: {err}") from err


def _listens(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_TIMEOUT_S).close()
    except ValueError as err:
        raise ConfigurationError(f"kafka.bootstrap_servers: {server!r} is not host:port") from err
    except OSError:
        return False
    return True
