"""A daemon from its start to its first label, and the memory that it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import yaml

from tests.bench.texts import mixed_texts

T = TypeVar("T")
DOCUMENTS = 2000
LABELED = 'tapewatch_classify_documents_total{outcome="labeled"} '


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of the daemon on the embedded defaults."""

    ready_s: float  #: From the start of the process to the first answer of /readyz with 200.
    first_label_s: float  #: From the start of the process to the first label, of a document pushed at once.
    peak_mb: float  #: Peak resident memory of the process after 2,000 documents.


def measure_start(folder: Path) -> Start:
    """Start, push one document, then the rest; every stage in one process."""
    config = folder / "tapewatch.yaml"
    sections = {
        "database": {"url": f"sqlite:///{folder}/t.db"},
        "local_log": {"path": f"{folder}/log.db"},
        "web": {"port": 0},
        "logging": {"format": "json"},
    }
    config.write_text(yaml.safe_dump(sections))
    log = folder / "daemon.log"
    started_s = time.monotonic()
    with log.open("wb") as out:
        command = [sys.executable, "-m", "monitor", "run", "--config", str(config)]
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        address = wait(lambda: address_in(log))
        wait(lambda: status(f"{address}/readyz") == 200)
        ready_s = time.monotonic() - started_s
        texts = mixed_texts(DOCUMENTS)
        push(address, texts[:1], 0)
        wait(lambda: labeled(address) >= 1)
        first_label_s = time.monotonic() - started_s
        for at in range(1, DOCUMENTS, 500):
            push(address, texts[at : at + 500], at)
        wait(lambda: labeled(address) >= DOCUMENTS)
        peak = next(line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in line)
    finally:
        process.terminate()
        process.wait(60)
    return Start(ready_s=ready_s, first_label_s=first_label_s, peak_mb=int(peak.split()[1]) / 1024)


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
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(LABELED))


def push(address: str, texts: list[str], first: int) -> None:
    """Push `texts` as JSON lines."""
    now = datetime.now(UTC).isoformat()
    rows = [
        {"id": f"d{first + n}", "source": "bench", "published_at": now, "text": text} for n, text in enumerate(texts)
    ]
    body = "\n".join(map(json.dumps, rows)).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(f"{address}/api/v1/documents", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
