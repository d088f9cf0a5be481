"""`tapewatch evaluate` and `tapewatch calibrate` on a whole model of random weights, as a user types them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from models.artifacts import read_adapter
from models.engine import load_engine
from models.judging import answers_of
from models.training.rows import Example
from monitor.cli import exit_status
from monitor.cli.calibrate import calibrate
from monitor.cli.evaluate import evaluate
from monitor.settings import ClassifierSettings
from tests.fixtures.random_model import RandomModel
from tests.fixtures.tiny_model import WORDS

SENTIMENTS = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def data(model: RandomModel) -> Path:
    """Texts with labels drawn from the square root of what the model says: it is twice too sure."""
    chance = random.Random(5)
    texts = [" ".join(chance.choices(WORDS, k=8)) for _ in range(900)]
    settings = ClassifierSettings(adapter=str(model.adapter), encoder=model.encoder, threads=1, precision="fp32")
    engine = load_engine(read_adapter(str(model.adapter)), settings)
    said = np.sqrt(answers_of(engine, [Example(text=text, source="t") for text in texts]).sentiments)
    cumulated = (said / said.sum(axis=1, keepdims=True)).cumsum(axis=1)
    labels = (np.random.default_rng(5).random((len(texts), 1)) > cumulated).sum(axis=1)
    path = model.encoder.parent / "data.csv"
    pd.DataFrame({"text": texts, "label": [SENTIMENTS[label] for label in labels]}).to_csv(path, index=False)
    return path


def run(command: object, *arguments: object) -> Result:
    """Run a command as the console script does, exit status and all."""
    import click

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def script(rest: tuple[str, ...]) -> None:
        raise SystemExit(exit_status(lambda: command.main(args=list(rest), standalone_mode=False)))  # type: ignore[attr-defined]

    return CliRunner().invoke(script, ["--", *map(str, arguments)])


def test_calibrate_makes_a_model_whose_own_evaluation_is_better(
    model: RandomModel, config: Path, data: Path, tmp_path: Path
) -> None:
    """What the fit promises must arrive in the probabilities that the new folder gives."""
    common = ("--data", data, "--config", config, "--json")
    found = run(calibrate, "--model", model.adapter, *common, "--out", tmp_path / "new", "--risk", 0.6)
    assert found.exit_code == 0, found.output
    change = json.loads(found.stdout)["changes"][0]
    assert change["method"] in {"temperature", "vector"}
    reports = []
    for adapter in (model.adapter, tmp_path / "new"):
        done = run(evaluate, "--model", adapter, *common, "--no-baselines", "--out", tmp_path / "report")
        assert done.exit_code == 0, done.output
        reports.append(json.loads(done.stdout))
    before, after = (report["found"]["overall"] for report in reports)
    assert before["brier"]["value"] == pytest.approx(change["before"]["brier"], abs=1e-3)
    assert after["brier"]["value"] == pytest.approx(change["after"]["brier"], abs=0.01)
    assert after["ece"]["value"] < 0.6 * before["ece"]["value"]
    assert reports[1]["model"].startswith("random-2+")
    assert json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8")) == reports[1]


def test_wrong_data_end_with_status_two_and_a_remedy(model: RandomModel, config: Path, tmp_path: Path) -> None:
    """A script must tell wrong usage from a failure, and a person what to do."""
    (tmp_path / "t.csv").write_text("text,label\nshares fall,gloomy\n", encoding="utf-8")
    done = run(evaluate, "--model", model.adapter, "--data", tmp_path / "t.csv", "--config", config)
    assert done.exit_code == 2
    assert "row 2: unknown label 'gloomy'; allowed are negative, neutral, positive" in done.stderr
    both = run(evaluate, "--model", "m", "--data", tmp_path / "t.csv", "--allow-overlap", "--skip-overlap")
    assert both.exit_code == 2
    assert "exclude each other" in both.stderr
