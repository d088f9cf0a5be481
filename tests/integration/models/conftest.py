"""A whole model of random weights, and a configuration that names it, for the verbs that judge one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.random_model import RandomModel, make_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> RandomModel:
    """A BERT of two layers with an adapter."""
    return make_model(tmp_path_factory.mktemp("random") / "model", "bert")


@pytest.fixture(scope="module")
def config(model: RandomModel) -> Path:
    """A configuration that names the encoder."""
    path = model.encoder.parent / "tapewatch.yaml"
    path.write_text(f"classifier:\n  encoder: {model.encoder}\n  threads: 1\n  precision: fp32\n", encoding="utf-8")
    return path
