"""Write the dashboards into docker/grafana/dashboards; with `--check` say which files differ, and exit with 1.

The JSON is checked in, so that Grafana needs nothing else; a test keeps it equal to this code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from scripts.dashboards.model import model
from scripts.dashboards.pipeline import pipeline
from scripts.dashboards.sentiment import sentiment

FOLDER = Path(__file__).resolve().parents[2] / "docker/grafana/dashboards"


def rendered() -> Mapping[str, str]:
    """By file name, the JSON of every dashboard."""
    made = {"sentiment": sentiment(), "pipeline": pipeline(), "model": model()}
    return {
        f"{name}.json": json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, board in made.items()
    }


def differing() -> list[str]:
    """Names of files that are not what the code makes, missing and surplus ones too."""
    wanted = rendered()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit status."""
    if "--check" in arguments:
        found = differing()
        sys.stdout.writelines(f"{name} differs; run python -m scripts.dashboards\n" for name in found)
        return int(bool(found))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}: {len(text)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
