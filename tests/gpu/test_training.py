"""A training run on a real GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from models.artifacts import read_adapter
from models.classifier import classifier_of
from models.training.run import train
from monitor.domain import Prediction
from monitor.settings import ClassifierSettings
from tests.fixtures.tiny_model import make_data, make_encoder, sentence, tiny_config

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_a_run_on_the_gpu_makes_an_adapter_that_the_cpu_answers_with(tmp_path: Path) -> None:
    """Trained in bf16 on one machine, used on another: the folder is all that travels."""
    base = make_encoder(tmp_path / "encoder")
    make_data(tmp_path / "data", rows=200)
    config = tiny_config(device="cuda", epochs=2)
    report = train(tmp_path / "data", tmp_path / "made", config, encoder=(base, tmp_path / "encoder"))
    lines = [json.loads(line) for line in (report.folder / "training.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines if line["event"] == "step_finished"]
    assert all(loss < 10 for loss in losses)
    settings = ClassifierSettings(adapter=str(report.folder), encoder=tmp_path / "encoder", device="cpu")
    texts = [sentence(range(n, n + 5)) for n in range(20)]
    answers = classifier_of(read_adapter(settings.adapter), settings).classify(texts)
    assert all(isinstance(answer, Prediction) for answer in answers)
