"""The encoders themselves: what the recipes give is the encoder that it is said to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

from models.encoders import cache_folder, obtain_encoder
from models.known import RECIPES

pytestmark = pytest.mark.model

FETCH = "TAPEWATCH_FETCH_ENCODERS"

SAME = (
    ("The bank's profit rose sharply in the third quarter.", "The lender's quarterly earnings jumped."),
    ("The company will cut 500 jobs.", "Five hundred workers are to be laid off."),
    ("Crude prices fell to a three-month low.", "Oil dropped to its lowest level in three months."),
    ("The football match was called off because of rain.", "Bad weather forced the game to be postponed."),
)
CHINESE = ("该银行第三季度利润大幅上升。", "公司将裁员500人。", "原油价格跌至三个月低点。", "足球比赛因雨取消。")


@pytest.fixture(params=sorted(RECIPES))
def folder(request: pytest.FixtureRequest) -> Path:
    """Each encoder, really fetched where it is not in the cache."""
    encoder = RECIPES[request.param].encoder
    if not cache_folder(encoder).is_dir() and os.environ.get(FETCH) != "1":
        megabytes = RECIPES[request.param].megabytes
        pytest.skip(f"{encoder.name} is not in the cache and is {megabytes} MB; set {FETCH}=1 to fetch it")
    return obtain_encoder(encoder)


def embed(folder: Path, texts: list[str]) -> torch.Tensor:
    """Mean of the last hidden states, one unit vector a text."""
    from safetensors.torch import load_file

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_config(config, add_pooling_layer=False).eval()
    weights = {name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if "pooler" not in name}
    weights.pop("embeddings.position_ids", None)
    model.load_state_dict(weights, strict=True)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    found = []
    for text in texts:
        with torch.inference_mode():
            hidden = model(input_ids=torch.tensor([tokenizer.encode(text).ids])).last_hidden_state
        found.append(hidden[0].mean(dim=0))
    return torch.nn.functional.normalize(torch.stack(found), dim=1)


def test_sentences_that_mean_the_same_are_nearest(folder: Path) -> None:
    """Weights in the wrong place load without an error and mean nothing; only what they compute tells."""
    first, second = (embed(folder, [f"query: {pair[side]}" for pair in SAME]) for side in (0, 1))
    assert (first @ second.T).argmax(dim=1).tolist() == [0, 1, 2, 3]
    if "multilingual" in folder.name:
        chinese = embed(folder, [f"query: {text}" for text in CHINESE])
        assert (first @ chinese.T).argmax(dim=1).tolist() == [0, 1, 2, 3]
        assert (chinese @ first.T).argmax(dim=1).tolist() == [0, 1, 2, 3]
