"""The stack of docker/compose.yaml, as far as it can be checked without running it.

Its shape by the schema of the Compose specification (`tests/fixtures/compose_spec.json`: compose-go 2.16.2, Apache-2.0,
without its descriptions); then that every path, port, secret, name and key in it exists, and that what must be shut is.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from monitor.cli import tapewatch
from monitor.demo.kafka_server import KAFKA_VERSION
from monitor.settings import Settings
from monitor.settings.load import load_settings

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "docker"
STAGES = ("ingest", "classify", "aggregate", "alert", "web")


def read(name: str) -> dict[str, Any]:
    """A YAML file of docker/; `<<` merges as Compose does."""
    made: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))
    return made


COMPOSE = read("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cuda.yaml"])
def test_the_files_have_the_shape_of_the_specification(name: str) -> None:
    """Compose refuses the whole file for one unknown key."""
    schema = json.loads((ROOT / "tests/fixtures/compose_spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(read(name))


@each_service
def test_every_service_is_shut_in_and_watched(name: str) -> None:
    """No capability, no new privilege, a limit on memory, processors and processes, and a question after its health."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "healthcheck", "restart"} <= service.keys()
    assert "privileged" not in service
    assert service["read_only"] is (name != "kafka"), "only Kafka's image writes outside its volumes"


@each_service
def test_ports_are_open_on_loopback_alone(name: str) -> None:
    """What is published without an address is open to the whole network, past the host's firewall."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_databases_and_bus_are_not_published_and_not_on_the_outer_network() -> None:
    """Kafka asks for no password here: whoever reaches it owns it."""
    for name in ("kafka", "postgres"):
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["classify"]["networks"] == SERVICES["alert"]["networks"] == ["inside"]


@each_service
def test_every_folder_and_file_that_is_mounted_is_there(name: str) -> None:
    """Docker makes an empty folder of a path that is missing, and the service fails much later."""
    for mount in SERVICES[name].get("volumes", ()):
        source, target = mount.split(":")[:2]
        assert target.startswith("/")
        if source.startswith("."):
            assert (DOCKER / source).exists(), source
            assert mount.endswith(":ro"), f"{mount}: what comes from the checkout is not written to"
        else:
            assert source in COMPOSE["volumes"]


@each_service
def test_no_password_is_written_down(name: str) -> None:
    """A default password is the first that anybody tries; every one is a file made at random."""
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|TOKEN|SECRET|URL_FILE", key):
            assert value.startswith("/run/secrets/"), key
            assert value.removeprefix("/run/secrets/") in SERVICES[name]["secrets"], key


def test_secrets_are_declared_used_and_made(tmp_path: Path) -> None:
    """`docker/start --secrets` makes every file that the stack wants: long, random, other ones elsewhere, kept here."""
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    made = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        (folder / "start").write_text((DOCKER / "start").read_text(encoding="utf-8"))
        for _ in range(2):
            subprocess.run(["bash", str(folder / "start"), "--secrets"], check=True)
            made.append({name: (folder / f"secrets/{name}").read_text() for name in COMPOSE["secrets"]})
        assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    assert made[0] == made[1]
    assert all(made[0][name] != made[2][name] and len(made[0][name]) >= 32 for name in used)
    assert made[0]["tapewatch_database_password"] in made[0]["database_url"]
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/docker/secrets/" in ignored


@pytest.mark.parametrize("stage", STAGES)
def test_the_start_command_of_a_stage_is_one_that_the_program_takes(stage: str) -> None:
    """With `--help` behind it, so that it is parsed and nothing starts."""
    command = SERVICES[stage]["command"]
    assert command[-2:] == ["--stage", stage]
    without_config = [part for part in command if part not in ("--config", "/etc/tapewatch/tapewatch.yaml")]
    done = CliRunner().invoke(tapewatch, [*without_config, "--help"])
    assert done.exit_code == 0, done.output
    assert "./tapewatch.yaml:/etc/tapewatch/tapewatch.yaml:ro" in SERVICES[stage]["volumes"]


def settings_of(stage: str, secrets: Path) -> Settings:
    """What a stage would run with: the file of docker/ and its environment, the secrets in a folder here."""
    text = (DOCKER / "tapewatch.yaml").read_text(encoding="utf-8").replace("/run/secrets", str(secrets))
    (secrets.parent / "tapewatch.yaml").write_text(text)
    environment = {
        key: str(value).replace("/run/secrets", str(secrets)) for key, value in SERVICES[stage]["environment"].items()
    }
    return load_settings(secrets.parent / "tapewatch.yaml", environment)


@pytest.mark.parametrize("stage", STAGES)
def test_the_configuration_of_a_stage_is_valid_and_aims_at_the_stack(stage: str, tmp_path: Path) -> None:
    """Every key exists, and every address is a service on the port that it serves."""
    (tmp_path / "start").write_text((DOCKER / "start").read_text(encoding="utf-8"))
    subprocess.run(["bash", str(tmp_path / "start"), "--secrets"], check=True)
    settings = settings_of(stage, tmp_path / "secrets")
    assert settings.kafka.bootstrap_servers == ("kafka:9092",)
    assert "@postgres:5432/tapewatch" in settings.database.url.get_secret_value()
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 8080)
    assert settings.web.token is not None
    hosts = {getattr(r, "host", None) or r.url.host for r in settings.alerting.receivers}
    assert hosts == {"mail", "alertmanager"}


def test_a_stage_is_reached_where_prometheus_and_its_health_look() -> None:
    """Names and ports agree between the files."""
    scraped = read("prometheus/prometheus.yaml")
    [job] = [job for job in scraped["scrape_configs"] if job["job_name"] == "tapewatch"]
    [found] = job["dns_sd_configs"]
    assert set(found["names"]) == set(STAGES)
    assert found["port"] == 8080
    assert job["authorization"]["credentials_file"] == "/run/secrets/web_token"
    assert "web_token" in SERVICES["prometheus"]["secrets"]
    assert scraped["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["alertmanager:9093"]
    for stage in STAGES:
        assert "http://127.0.0.1:8080/readyz" in SERVICES[stage]["healthcheck"]["test"][-1]


def test_grafana_asks_services_that_are_there_as_a_user_that_is_made() -> None:
    """Data sources, roles, secrets and the home dashboard."""
    sources = read("grafana/provisioning/datasources/tapewatch.yaml")["datasources"]
    for source in sources:
        host, port = source["url"].removeprefix("http://").split(":")
        assert host in SERVICES
        assert port in {"9090", "5432", "9093"}
    roles = (DOCKER / "postgres/roles.sh").read_text(encoding="utf-8")
    assert "CREATE ROLE grafana LOGIN" in roles
    assert "default_transaction_read_only = on" in roles
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DOCKER / "grafana/dashboards" / Path(home).name).exists()
    [provider] = read("grafana/provisioning/dashboards/tapewatch.yaml")["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_kafka_is_the_one_that_the_tests_run_on() -> None:
    """Another version may behave otherwise, and nothing here would have shown it."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_images_are_pinned() -> None:
    """`latest` is another program every week."""
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert tag != "latest", name
        assert tag, name


def test_mail_is_encrypted_with_the_certificate_that_its_receivers_trust() -> None:
    """Nothing beyond loopback goes in the clear, not even to a catcher."""
    mail = SERVICES["mail"]["environment"]
    assert mail["MP_SMTP_REQUIRE_STARTTLS"] == "true"
    [receiver] = read("alertmanager/alertmanager.yaml")["receivers"]
    assert receiver["email_configs"][0]["tls_config"]["ca_file"] == mail["MP_SMTP_TLS_CERT"]
    desk = read("tapewatch.yaml")["alerting"]["receivers"][0]
    assert (desk["tls"], desk["ca_file"]) == ("starttls", mail["MP_SMTP_TLS_CERT"])
