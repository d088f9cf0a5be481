"""A daemon from its start to its first label, the memory that it takes, and the processor while nothing comes in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import yaml

from tests.bench.texts import mixed_texts

T = TypeVar("T")
DOCUMENTS = 2000
LABELED = 'tapewatch_classify_documents_total{outcome="labeled"} '
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
SETTLE_S = 20.0  #: After the start, before a daemon counts as idle.
IDLE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of the daemon on the embedded defaults."""

    ready_s: float  #: From the start of the process to the first answer of /readyz with 200.
    idle_share: float  #: Of one core, by every stage in one process with nothing to do.
    first_label_s: float  #: From the push of one document to its label.
    peak_mb: float  #: Peak resident memory of the process after 2,000 documents.


class Daemon:
    """`tapewatch run` in a process of its own; a context manager that ends it."""

    def __init__(self, folder: Path, sections: Mapping[str, object], *, stages: Sequence[str] = ("all",)) -> None:
        name = "-".join(stages)
        self._log = folder / f"{name}.log"
        config = folder / f"{name}.yaml"
        config.write_text(yaml.safe_dump({**sections, "web": {"port": 0}, "logging": {"format": "json"}}))
        chosen = [word for stage in stages for word in ("--stage", stage)]
        self._command = [sys.executable, "-m", "monitor", "run", "--config", str(config), *chosen]
        self._address = ""

    @property
    def address(self) -> str:
        """Where it listens; waits until it does."""
        self._address = self._address or wait(lambda: address_in(self._log))
        return self._address

    @property
    def cpu_s(self) -> float:
        """Processor time since its start."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident memory now, or at its peak (`VmHWM`)."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if what in line).split()[1]) / 1024

    def wait_ready(self) -> float:
        """Wait until /readyz answers 200; seconds since the start of the process."""
        wait(lambda: status(f"{self.address}/readyz") == 200)
        return time.monotonic() - self._started_s

    def __enter__(self) -> Self:
        self._started_s = time.monotonic()
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(60)


def measure_start(folder: Path) -> Start:
    """Start, look on while nothing comes in, push one document, then the rest; every stage in one process."""
    sections = {"database": {"url": f"sqlite:///{folder}/t.db"}, "local_log": {"path": f"{folder}/log.db"}}
    with Daemon(folder, sections) as daemon:
        ready_s = daemon.wait_ready()
        [idle] = idle_shares([daemon])
        texts, pushed_s = mixed_texts(DOCUMENTS), time.monotonic()
        push(daemon.address, texts[:1], 0)
        wait(lambda: labeled(daemon.address) >= 1)
        first_label_s = time.monotonic() - pushed_s
        for at in range(1, DOCUMENTS, 500):
            push(daemon.address, texts[at : at + 500], at)
        wait(lambda: labeled(daemon.address) >= DOCUMENTS)
        return Start(ready_s=ready_s, idle_share=idle, first_label_s=first_label_s, peak_mb=daemon.memory_mb("VmHWM"))


def idle_shares(daemons: Sequence[Daemon]) -> list[float]:
    """Share of one core that each takes over a minute, a while after its start."""
    time.sleep(SETTLE_S)
    before, started_s = [daemon.cpu_s for daemon in daemons], time.monotonic()
    time.sleep(IDLE_S)
    took_s = time.monotonic() - started_s
    return [(daemon.cpu_s - cpu_s) / took_s for daemon, cpu_s in zip(daemons, before, strict=True)]


def wait(look: Callable[[], T]) -> T:
    """Look until there is something; at most two minutes."""
    deadline = time.monotonic() + 120
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError("the daemon did not get there")
        time.sleep(0.02)
    return found


def address_in(log: Path) -> str:
    """Where the daemon listens, from its log; empty before it does."""
    lines = [line for line in log.read_text().splitlines() if '"web_started"' in line]
    return str(json.loads(lines[0])["url"]) if lines else ""


def status(url: str) -> int:
    """Status of a GET; 0 without an answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as err:
        return err.code
    except OSError:
        return 0


def labeled(address: str) -> float:
    """Documents labelled so far."""
    return sum_of(address, LABELED)


def sum_of(address: str, beginning: str) -> float:
    """The sum of every sample whose line begins so."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(beginning))


def push(address: str, texts: list[str], first: int) -> None:
    """Push `texts` as JSON lines."""
    now = datetime.now(UTC).isoformat()
    push_rows(address, [{"id": f"d{first + n}", "published_at": now, "text": text} for n, text in enumerate(texts)])


def push_rows(address: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Push documents as JSON lines."""
    body = "\n".join(json.dumps({"source": "bench", **row}) for row in rows).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(f"{address}/api/v1/documents", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
