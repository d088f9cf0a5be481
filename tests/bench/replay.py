"""How long a replay takes: of the recorded tweets of the development data, or of a stream of the user's.

`python -m tests.bench.replay` runs the command three times and prints the seconds of each: with whatever labels are
cached (the first time the model reads every text, which takes minutes), counted anew with every label cached, and
again on what is counted. `--input` and `--config` take another stream.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.rates import processor
from tests.fixtures.recorded_tweets import tweet_documents, write_config, write_documents, write_events
from tests.fixtures.shared_data import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One run of the command."""

    what: str
    wall_s: float
    cpu_s: float
    scores: tuple[dict[str, object], ...]


def run(what: str, *arguments: str) -> Took:
    """Run `tapewatch replay` with `arguments`."""
    before, started_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "monitor", "replay", "--json", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    wall_s, after = time.perf_counter() - started_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return Took(what=what, wall_s=wall_s, cpu_s=cpu_s, scores=tuple(row for row in rows if row["kind"] == "score"))


def stream(folder: Path) -> list[str]:
    """Options of a replay of the development data, written into `folder`; leaves where there is none."""
    shared = Path(os.environ.get("TAPEWATCH_SHARED", ROOT.parent / "shared")) / "data"
    if not shared.is_dir():
        sys.exit("bench-replay: no development data; give --input and --config (docs/replay.md)")
    documents = write_documents(tweet_documents(shared), folder / "tweets.jsonl")
    config, events = write_config(shared, folder / "tapewatch.yaml"), write_events(shared, folder / "events.csv")
    return ["--input", str(documents), "--config", str(config), "--labels", str(events)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, help="documents, in place of the development data's tweets")
    parser.add_argument("--config", type=Path, help="configuration for them")
    parser.add_argument("--labels-cache", type=Path, help="folder of labels; default: the user's cache")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-replay-") as name:
        folder = Path(name)
        own = ["--config", str(given.config)] if given.config else []
        options = ["--input", str(given.input), *own] if given.input else stream(folder)
        options += ["--labels-cache", str(given.labels_cache)] if given.labels_cache else []
        options += ["--state", str(folder / "state")]
        report(
            [
                run("labels as far as they are cached", *options),
                run("every label cached, counted anew", *options, "--fresh"),
                run("on what is counted", *options),
            ]
        )


def report(runs: Sequence[Took]) -> None:
    """Print what was measured."""
    print(f"{processor()}\n\n| replay | seconds | CPU seconds |\n|---|---|---|")
    for took in runs:
        print(f"| {took.what} | {took.wall_s:.1f} | {took.cpu_s:.1f} |")
    for score in runs[-1].scores:
        print("\n" + json.dumps(score, indent=1))


if __name__ == "__main__":
    main()
