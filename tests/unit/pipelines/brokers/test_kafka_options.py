"""Settings to client options."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.errors import ConfigurationError
from monitor.settings import KafkaSettings
from pipelines.brokers.kafka_options import common_options, consumer_options, producer_options

SERVERS = ("a:9092", "b:9092")


def test_nothing_is_acknowledged_before_it_is_replicated() -> None:
    """A broker that dies after its answer must not take records with it, nor a retry double them."""
    options = producer_options(KafkaSettings(bootstrap_servers=SERVERS))
    assert (options["acks"], options["enable_idempotence"]) == ("all", True)
    assert options["bootstrap_servers"] == ["a:9092", "b:9092"]
    assert options["compression_type"] == "zstd"


def test_offsets_are_committed_by_hand_only() -> None:
    """A commit by timer would cover what is still in work; a new group must not begin at the end."""
    options = consumer_options(KafkaSettings(bootstrap_servers=SERVERS), group="g", max_records=7)
    assert (options["enable_auto_commit"], options["auto_offset_reset"]) == (False, "earliest")
    assert (options["group_id"], options["max_poll_records"]) == ("g", 7)


@pytest.mark.parametrize("seconds", [1, 2, 31, 120])
def test_a_request_ends_before_the_delivery_does(seconds: int) -> None:
    """The client refuses to start otherwise."""
    options = producer_options(KafkaSettings(delivery_timeout=timedelta(seconds=seconds)))
    assert 0 < options["request_timeout_ms"] + options["linger_ms"] <= options["delivery_timeout_ms"]  # type: ignore[operator]


def test_a_short_session_has_a_shorter_heartbeat() -> None:
    """Three beats a session, so that one may be lost."""
    options = consumer_options(KafkaSettings(session_timeout=timedelta(seconds=6)), group="g", max_records=1)
    assert (options["session_timeout_ms"], options["heartbeat_interval_ms"]) == (6000, 2000)


def test_sasl_and_certificates_pass_through(tmp_path: Path) -> None:
    """A managed cluster wants both."""
    authority = tmp_path / "ca.pem"
    authority.write_text("x")
    settings = KafkaSettings(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="u",
        sasl_password=SecretStr("p"),
        ssl_cafile=authority,
    )
    options = common_options(settings)
    assert options["security_protocol"] == "SASL_SSL"
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "u")
    assert (options["sasl_plain_password"], options["ssl_cafile"]) == ("p", str(authority))


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    """As container secrets do, with a line end that is not part of it."""
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    settings = KafkaSettings(
        security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", sasl_username="u", sasl_password_file=file
    )
    assert common_options(settings)["sasl_plain_password"] == "s3cret"


def test_missing_files_and_passwords_are_named(tmp_path: Path) -> None:
    """The key that is wrong, not the library's stack."""
    with pytest.raises(ConfigurationError, match=r"kafka\.ssl_cafile.*nowhere"):
        common_options(KafkaSettings(ssl_cafile=tmp_path / "nowhere"))
    sasl = KafkaSettings(security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", sasl_username="u")
    with pytest.raises(ConfigurationError, match=r"kafka\.sasl_password"):
        common_options(sasl)
    unread = sasl.model_copy(update={"sasl_password_file": tmp_path / "nowhere"})
    with pytest.raises(ConfigurationError, match=r"kafka\.sasl_password_file"):
        common_options(unread)
