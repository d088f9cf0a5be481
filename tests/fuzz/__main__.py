"""Fuzz the targets one after the other, guided by coverage (atheris, libFuzzer's engine): `make fuzz`.

`python -m tests.fuzz [--seconds N] [TARGET ...]`. Each target runs in a process of its own that ends after its seconds.
An exception is a finding: its input is kept under `.cache/fuzz/findings/`, one for each place it was raised at, and the
run goes on. Exit status 1 when there was one. Put a finding's input into `tests/fuzz/corpus/TARGET/`: from then on
every test run holds the target to it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".cache" / "fuzz"
CORPUS = Path(__file__).with_name("corpus")
INPUT_S = 10  #: An input that takes longer is a finding.
INPUT_BYTES = 16_384
RSS_MB = 3000
PACKAGES = ("alerts", "monitor", "pipelines", "feedparser", "selectolax", "yaml", "email")


def main() -> int:
    """Fuzz what was asked for; 1 when something was found."""
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; left out: all")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    given = parser.parse_args()
    if unknown := sorted(set(given.targets) - set(TARGETS)):
        parser.error(f"unknown target {unknown[0]}; there are {', '.join(TARGETS)}")
    found = [name for name in given.targets or TARGETS if _fuzz_apart(name, given.seconds)]
    sys.stdout.write(f"findings in: {', '.join(found)}; see {WORK / 'findings'}\n" if found else "no findings\n")
    return 1 if found else 0


def _fuzz_apart(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; True when it found something."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.__main__", "--inside", name, str(seconds)]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False)
    return ended.returncode != 0 or any((WORK / "findings" / name).glob("*"))


def _fuzz_here(name: str, seconds: int) -> None:
    """Fuzz one target until its time is up; does not return."""
    import atheris

    with atheris.instrument_imports(include=list(PACKAGES)):
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS
    corpus, findings = WORK / "corpus" / name, WORK / "findings" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds().get(name, ()):
        _keep(corpus, seed)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_S}",
        f"-rss_limit_mb={RSS_MB}",
        f"-max_len={INPUT_BYTES}",
    ]
    options += [f"-artifact_prefix={findings}/", "-print_final_stats=1"]
    kept = [str(folder) for folder in (corpus, CORPUS / name) if folder.is_dir()]
    atheris.Setup([sys.argv[0], *options, *kept], _collecting(TARGETS[name], name, findings))
    atheris.Fuzz()


def _collecting(target: Callable[[bytes], None], name: str, findings: Path) -> Callable[[bytes], None]:
    """The target, whose exceptions are written down, once a place, and do not end the run."""
    places: set[str] = set()

    def run(data: bytes) -> None:
        try:
            target(data)
        except Exception as err:  # noqa: BLE001 -- whatever it is, it is a finding
            place = _place(err)
            if place not in places:
                places.add(place)
                path = _keep(findings, data)
                sys.stderr.write(f"FINDING {name} {path.name}: {type(err).__name__}: {err!s:.200} at {place}\n")

    return run


def _place(err: BaseException) -> str:
    """Kind of error, and the innermost line of the project."""
    frames = [frame for frame in traceback.extract_tb(err.__traceback__) if frame.filename.startswith(str(ROOT))]
    own = [frame for frame in frames if ".venv" not in frame.filename]
    last = own[-1] if own else None
    return f"{type(err).__name__} {Path(last.filename).name}:{last.lineno}" if last else type(err).__name__


def _keep(folder: Path, data: bytes) -> Path:
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _fuzz_here(sys.argv[2], int(sys.argv[3]))
    sys.exit(main())
