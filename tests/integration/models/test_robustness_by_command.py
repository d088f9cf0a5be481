"""`tapewatch robustness` on a whole model of random weights, as a user types it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from models.attacks import ATTACKS
from monitor.cli import exit_status
from monitor.cli.robustness import robustness
from tests.fixtures.random_model import RandomModel
from tests.fixtures.tiny_model import WORDS


@pytest.fixture(scope="module")
def tweets(model: RandomModel) -> Path:
    """Texts with labels as the tweets have them."""
    chance = random.Random(5)
    path = model.encoder.parent / "tweets.csv"
    rows = [(" ".join(chance.choices(WORDS, k=9)), number % 3) for number in range(60)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(path, index=False)
    return path


def run(*arguments: object) -> Result:
    """Run the command as the console script does, exit status and all."""

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def script(rest: tuple[str, ...]) -> None:
        raise SystemExit(exit_status(lambda: robustness.main(args=list(rest), standalone_mode=False)))

    return CliRunner().invoke(script, ["--", *map(str, arguments)])


def test_two_models_on_the_same_attacked_texts(model: RandomModel, config: Path, tweets: Path, tmp_path: Path) -> None:
    """A model beside itself must show the same figures twice, and disguises that folding undoes must cost nothing."""
    out = tmp_path / "report.md"
    done = run("--model", model.adapter, "--against", model.adapter, "--data", tweets, "--config", config,
               "--limit", 40, "--out", out, "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    one, other = json.loads(done.stdout)["models"]
    assert one == other
    assert one["texts"] == 40
    held = {row["attack"]: row for row in one["held"]}
    assert set(held) <= set(ATTACKS)
    assert {"typos", "homoglyphs", "zero_width", "case", "emoji", "sentences"} <= set(held)
    for name in ("homoglyphs", "zero_width"):
        assert held[name]["undone"] == held[name]["texts"] == 40
        assert held[name]["loss"] == 0
    assert one["worst"]["after"]["accuracy"] <= min(
        row["after"]["accuracy"] for row in one["held"] if row["texts"] == 40
    )
    assert out.read_text(encoding="utf-8").startswith("# Robustness of random-1+")


def test_headlines_are_judged_entity_by_entity(model: RandomModel, config: Path, tmp_path: Path) -> None:
    """The headline set has a sentiment towards each entity; names that are swapped must be found again."""
    path = tmp_path / "headlines.csv"
    rows = [("Acme beats the market as Orrin warns", "{'Acme': 'positive', 'Orrin': 'negative'}"),
            ("Ruxo shares fall", "{'Ruxo': 'negative'}")]  # fmt: skip
    pd.DataFrame(rows, columns=["Title", "Decisions"]).to_csv(path, index=False)
    done = run("--model", model.adapter, "--data", path, "--config", config, "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)["models"]
    assert (found["task"], found["texts"], found["before"]["rows"]) == ("entity", 2, 3)
    swap = next(row for row in found["held"] if row["attack"] == "entity_swap")
    assert (swap["texts"], swap["undone"], swap["after"]["rows"]) == (2, 0, 3)


def test_wrong_data_end_with_status_two_and_a_remedy(model: RandomModel, config: Path, tmp_path: Path) -> None:
    """A script must tell wrong usage from a failure, and a person what to do."""
    path = tmp_path / "t.csv"
    path.write_text("text,label\nshares fall,0\nshares rise,7\n", encoding="utf-8")
    done = run("--model", model.adapter, "--data", path, "--task", "sentiment", "--config", config)
    assert done.exit_code == 2
    assert "t.csv: row 3: unknown label '7'" in done.stderr
    nowhere = run("--model", model.adapter, "--data", path, "--config", config, "--out", tmp_path / "no" / "r.md")
    assert nowhere.exit_code == 2
    assert "its folder does not exist" in nowhere.stderr
