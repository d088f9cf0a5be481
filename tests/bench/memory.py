"""Resident memory of a worker process that classifies, and what of it is the import of torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from monitor.settings import ClassifierSettings

PROGRAM = """
import json, sys
def lines():
    return {line.split(":")[0]: line.split(":")[1] for line in open("/proc/self/status") if line.startswith("Vm")}
def mb(key):
    return int(lines()[key].split()[0]) / 1024
import torch
floor = mb("VmRSS")
from models import load_classifier
from monitor.settings import ClassifierSettings
from tests.bench.texts import mixed_texts
classifier = load_classifier(ClassifierSettings.model_validate_json(sys.argv[1]))
texts = mixed_texts(int(sys.argv[2]))
for at in range(0, len(texts), 500):
    classifier.classify(texts[at : at + 500])
print(json.dumps({"torch_mb": floor, "resident_mb": mb("VmRSS"), "peak_mb": mb("VmHWM")}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Megabytes resident in one worker."""

    torch_mb: float  #: After `import torch`, before anything of ours.
    resident_mb: float  #: After the texts.
    peak_mb: float  #: The most at any time, loading included.


def measure_memory(settings: ClassifierSettings, texts: int) -> Memory:
    """Classify `texts` texts in a process of its own, 500 at a time as the stage does."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, settings.model_dump_json(), str(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Memory(**json.loads(done.stdout.splitlines()[-1]))
