"""The torch backend over tiny random encoders, BERT and MPNet."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch.nn import functional

from models.architecture import Logits, read_network
from models.artifacts import read_adapter
from models.attention import Attention, GroupedAttention, PaddedAttention, VarlenAttention
from models.backend import Tokens
from models.batch import groups_of, lay_out, size_for
from models.classifier import TextClassifier, classifier_of
from models.engine import CPU, TorchEngine, load_engine, read_packed
from models.manifest import Calibration
from models.merged import read_merged
from models.relative import relative_bias
from models.tokens import read_tokenizer
from monitor.domain import Mention, Prediction
from monitor.errors import ArtifactError
from monitor.settings import ClassifierSettings
from tests.fixtures.random_model import LABELS, LONGEST, Kind, RandomModel, make_model
from tests.fixtures.tiny_model import sentence

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [sentence(range(n, n + 1 + (n * 5) % 23)) for n in range(40)]
MENTIONS = [tuple(Mention(entity=word, surfaces=(word,)) for word in ("company", "market", "oil")[: n % 4])
            for n in range(40)]  # fmt: skip
SURFACES = [[mention.surfaces for mention in wanted] for wanted in MENTIONS]


@pytest.fixture(scope="module", params=["bert", "mpnet"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RandomModel:
    """A random model of each kind."""
    return make_model(tmp_path_factory.mktemp(request.param), cast("Kind", request.param))


def settings_for(model: RandomModel, **values: object) -> ClassifierSettings:
    """Settings that load `model` on the CPU."""
    base = {"adapter": str(model.adapter), "encoder": model.encoder, "device": "cpu", "precision": "fp32"}
    return ClassifierSettings.model_validate({**base, **values})


def load(model: RandomModel, **values: object) -> TextClassifier:
    """A classifier over `model`."""
    settings = settings_for(model, **values)
    return classifier_of(read_adapter(settings.adapter), settings)


def engine_of(model: RandomModel) -> TorchEngine:
    """The backend of `model` in fp32."""
    return load_engine(read_adapter(str(model.adapter)), settings_for(model))


def numbers(answers: Sequence[Prediction | Exception]) -> np.ndarray:
    """All probabilities of every text, one row each, those of at most three entities last."""
    rows = []
    for answer in answers:
        assert isinstance(answer, Prediction)
        parts = [answer.probabilities, *(entity.probabilities for entity in answer.entities)]
        values = [p for part in parts for p in (part.negative, part.neutral, part.positive)]
        rows.append([answer.topic_probability, answer.finance, *values, *[0.0] * (12 - len(values))])
    return np.array(rows)


def labels(answers: Sequence[Prediction | Exception]) -> list[tuple[object, ...]]:
    """Topic, sentiment and the sentiment of every entity."""
    return [(a.topic, a.sentiment, *(e.probabilities.top for e in a.entities))
            for a in answers if isinstance(a, Prediction)]  # fmt: skip


def reference(model: RandomModel, rows: Sequence[Tokens]) -> Logits:
    """The same folders through transformers and PEFT: `rows` in one batch, padded with the tokeniser's own id."""
    pad = 0 if "bert" in model.encoder.parent.name else 1
    width = max(len(row.ids) for row in rows) + 2
    spans = [span for row in rows for span in row.spans]
    marks = torch.zeros(len(spans), width)
    for number, span in enumerate(spans):
        marks[number, list(span)] = 1
    network = read_network(model.encoder, model.adapter, topics=len(LABELS))
    return cast(
        "Logits",
        network(
            torch.tensor([[*row.ids, *[pad] * (width - len(row.ids))] for row in rows]),
            torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows]),
            torch.tensor([index for index, row in enumerate(rows) for _ in row.spans], dtype=torch.long),
            marks,
        ),
    )


def test_packed_texts_get_what_transformers_and_peft_give(model: RandomModel) -> None:
    """Merging and the packed encoder are our own code; theirs is the reference."""
    engine = engine_of(model)
    rows = engine.tokenise(TEXTS, SURFACES)
    found, expected = engine.run(rows), reference(model, rows)
    named = [bool(span) for row in rows for span in row.spans]
    assert any(named)
    assert not all(named)
    np.testing.assert_allclose(found.topics, expected.topic.softmax(-1), atol=1e-5)
    np.testing.assert_allclose(found.sentiments, expected.sentiment.softmax(-1), atol=1e-5)
    np.testing.assert_allclose(found.finance, expected.finance.softmax(-1)[:, 1], atol=1e-5)
    np.testing.assert_allclose(found.entities[named], expected.entity.softmax(-1).numpy()[named], atol=1e-5)


def test_random_answers_differ(model: RandomModel) -> None:
    """What all tests here compare must not be one and the same for every text."""
    engine = engine_of(model)
    sentiments = engine.run(engine.tokenise(TEXTS, [[]] * 40)).sentiments
    assert sentiments.std(axis=0).min() > 0.05


def test_an_entity_that_is_not_named_gets_the_sentiment_of_the_text(model: RandomModel) -> None:
    """A ticker linked by other means, or cut away with the end of the text, still gets an answer."""
    [answer] = load(model).classify(["shares fall"], [[Mention(entity="X", surfaces=("nowhere",))]])
    assert isinstance(answer, Prediction)
    assert answer.entities[0].probabilities == answer.probabilities


def test_entities_of_one_text_get_answers_of_their_own(model: RandomModel) -> None:
    """`A sues B` is bad for one and good for the other."""
    wanted = [Mention(entity=word, surfaces=(word,)) for word in ("company", "market")]
    [answer] = load(model).classify(["company buys market after fraud"], [wanted])
    assert isinstance(answer, Prediction)
    assert [entity.entity for entity in answer.entities] == ["company", "market"]
    first, second = (entity.probabilities for entity in answer.entities)
    assert abs(first.negative - second.negative) > 1e-3


def attend_one_by_one(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *bounds: Any, **_: Any) -> Any:
    """What the kernel for texts of any length promises, text by text."""
    starts = bounds[0].tolist()
    assert bounds[2] == max(last - first for first, last in pairwise(starts))
    parts = [[x[first:last].transpose(0, 1) for x in (query, key, value)]
             for first, last in pairwise(starts)]  # fmt: skip
    return torch.cat([functional.scaled_dot_product_attention(*part).transpose(0, 1) for part in parts])


@pytest.mark.parametrize("lengths", [(5, 5, 3, 17, 1, 17), (16, 16, 16), (12, 12)])
@pytest.mark.parametrize("way", ["padded", "padded with bias", "varlen"])
def test_the_ways_of_a_gpu_give_what_that_of_a_cpu_gives(way: str, lengths: Sequence[int]) -> None:
    """Three ways, one answer; their arithmetic is tested here without a GPU, the kernel's own is not."""
    torch.manual_seed(3)
    rows = [Tokens(ids=range(length)) for length in lengths]
    bias = torch.randn(4, 30, 30) if "bias" in way else None
    other: Attention = VarlenAttention(4, attend_one_by_one) if way == "varlen" else PaddedAttention(4, bias)
    batch = lay_out(rows, CPU)
    found, expected = other(batch), GroupedAttention(4, bias)(batch)
    for _ in range(2):  # layer after layer
        projected = torch.randn(sum(lengths), 3 * 32)
        torch.testing.assert_close(found(projected), expected(projected))


def test_answering_imports_no_transformers() -> None:
    """It takes eight seconds and two hundred megabytes that a worker has no use for."""
    code = "import sys, models.engine; print(sorted({'transformers', 'peft'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("file", "values", "match"),
    [
        ("adapter_config.json", {"use_dora": True}, "only plain LoRA"),
        ("adapter_config.json", {"r": 0}, "does not fit"),
    ],
)
def test_an_adapter_that_cannot_be_merged_is_refused(
    model: RandomModel, tmp_path: Path, file: str, values: dict[str, object], match: str
) -> None:
    """Ignoring what is not understood would answer something else than was trained."""
    folder = Path(shutil.copytree(model.adapter, tmp_path / "adapter"))
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")
    with pytest.raises(ArtifactError, match=match):
        read_merged(model.encoder, folder)


def test_an_adapter_of_another_shape_is_refused(model: RandomModel, tmp_path: Path) -> None:
    """Weights too many, too few or too large are named, not guessed."""
    folder = Path(shutil.copytree(model.adapter, tmp_path / "adapter"))
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({**weights, "base_model.model.surprise": torch.zeros(1)}, path)
    with pytest.raises(ArtifactError, match="surprise"):
        read_merged(model.encoder, folder)
    first = min(weights)
    save_file({**weights, first: torch.zeros(3, 5)}, path)
    with pytest.raises(ArtifactError, match="does not fit"):
        read_merged(model.encoder, folder)
    save_file({name.replace("layer.1", "layer.9"): weight for name, weight in weights.items()}, path)
    with pytest.raises(ArtifactError, match="does not fit"):
        read_merged(model.encoder, folder)


def test_weights_that_are_not_numbers_are_refused(model: RandomModel, tmp_path: Path) -> None:
    """A training that blew up must not label anything."""
    folder = Path(shutil.copytree(model.adapter, tmp_path / "adapter"))
    for file in ("heads.safetensors", "adapter_model.safetensors"):
        weights = load_file(folder / file)
        first = min(weights)
        save_file({**weights, first: weights[first] * float("nan")}, folder / file)
        with pytest.raises(ArtifactError, match="not numbers"):
            read_packed(model.encoder, folder, torch.float32)
        save_file(weights, folder / file)


def test_heads_of_an_older_layout_are_refused(model: RandomModel, tmp_path: Path) -> None:
    """Without a head for entities nothing could be said of one."""
    folder = Path(shutil.copytree(model.adapter, tmp_path / "adapter"))
    weights = load_file(folder / "heads.safetensors")
    save_file({name: w for name, w in weights.items() if "entity" not in name}, folder / "heads.safetensors")
    with pytest.raises(ArtifactError, match="entity"):
        read_packed(model.encoder, folder, torch.float32)


def test_another_kind_of_encoder_is_refused(model: RandomModel, tmp_path: Path) -> None:
    """Other encoders have other sums; reading their weights as BERT's would give labels without meaning."""
    folder = Path(shutil.copytree(model.encoder, tmp_path / "encoder"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}), encoding="utf-8")
    with pytest.raises(ArtifactError, match="gpt2"):
        read_merged(folder, model.adapter)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_company_does_not_change_an_answer(model: RandomModel, precision: str) -> None:
    """A replay cuts other batches than the live run; the labels must not differ for that."""
    classifier = load(model, precision=precision)
    together = classifier.classify(TEXTS, MENTIONS)
    alone = [classifier.classify([text], [wanted])[0] for text, wanted in zip(TEXTS, MENTIONS, strict=True)]
    backwards = classifier.classify(TEXTS[::-1], MENTIONS[::-1])[::-1]
    long = [sentence(range(n, n + 400)) for n in range(3)]
    crowded = classifier.classify([*long, *TEXTS], [(), (), (), *MENTIONS])[3:]
    for other in (alone, backwards, crowded):
        assert labels(other) == labels(together)
        assert np.abs(numbers(other) - numbers(together)).max() < 1e-2


def test_bf16_answers_as_fp32_does(model: RandomModel) -> None:
    """The fast format may blur a probability, not turn it."""
    exact, short = (numbers(load(model, precision=p).classify(TEXTS, MENTIONS)) for p in ("fp32", "bf16"))
    assert np.abs(exact - short).max() < 0.1


def test_two_loads_answer_alike(model: RandomModel) -> None:
    """Two workers with one version must give one answer."""
    first, second = load(model), load(model)
    assert first.version == second.version
    assert numbers(first.classify(TEXTS)).tolist() == numbers(second.classify(TEXTS)).tolist()


def test_strange_texts_are_answered_or_refused_in_place(model: RandomModel) -> None:
    """Whatever comes over the bus, the batch goes on."""
    texts = ["", " \n ", "\x00", "shares fall " * 100_000, "\ud800", "株価 急落", "shares fall"]
    answers = load(model).classify(texts, [[Mention(entity="X", surfaces=("", "fall"))]] * len(texts))
    assert len(answers) == len(texts)
    refused = [index for index, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert refused in ([], [4])  # a lone surrogate is not text


def test_a_long_text_is_cut_to_what_the_encoder_takes(model: RandomModel) -> None:
    """Position 512 does not exist in BERT; the manifest says where texts end."""
    [row] = engine_of(model).tokenise(["shares fall " * 1000], [[["fall"]]])
    assert len(row.ids) == LONGEST
    assert max(row.spans[0]) < LONGEST - 1


def test_asking_for_entities_changes_no_token(model: RandomModel) -> None:
    """Texts with and without entities go through two calls of the tokeniser; both must read alike."""
    tokenizer = read_tokenizer(model.encoder, max_tokens=16)
    engine = TorchEngine(read_packed(model.encoder, model.adapter, torch.float32), tokenizer, device=CPU,
                         dtype=torch.float32)  # fmt: skip
    plain = engine.tokenise(TEXTS, [[]] * len(TEXTS))
    asked = engine.tokenise(TEXTS, [[["oil"]]] * len(TEXTS))
    assert [list(row.ids) for row in plain] == [list(row.ids) for row in asked]


def test_thresholds_come_from_the_manifest(tmp_path: Path) -> None:
    """How sure is sure enough was measured with the model, and travels with it."""
    strict = make_model(tmp_path / "bert", "bert", calibration=Calibration(confidence=1.0))
    answers = load(strict).classify(TEXTS[:3])
    assert [a.abstained for a in answers if isinstance(a, Prediction)] == ["low_confidence"] * 3


def test_the_bias_of_a_shorter_text_is_a_corner_of_the_longest() -> None:
    """One table serves every length; transformers works it out anew for each."""
    table = torch.randn(32, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(relative_bias(table, 300)[:, :40, :40], relative_bias(table, 40))


def test_a_row_is_filled_up_to_one_of_a_few_sizes() -> None:
    """A product of a new size takes as long to prepare as to compute; live batches all differ."""
    assert [size_for(tokens) for tokens in (1, 64, 65, 97, 1000, 1025)] == [64, 64, 96, 128, 1024, 1536]
    assert len({size_for(tokens) for tokens in range(1, 2049)}) == 11
    batch = lay_out([Tokens(ids=(7,) * 70)], CPU, fill=True)
    assert (len(batch.ids), batch.starts.tolist()) == (96, [0, 70])


@pytest.mark.parametrize("length", [60, 64, 65, 81, 96])
def test_a_text_that_fills_the_row_is_answered_like_any(model: RandomModel, length: int) -> None:
    """The kernel reads keys beyond a text; at the end of the row there may be none."""
    engine = engine_of(model)
    rows = [Tokens(ids=[4 + (5 * n) % 30 for n in range(length)])]
    found, expected = engine.run(rows), reference(model, rows)
    np.testing.assert_allclose(found.topics, expected.topic.softmax(-1), atol=1e-5)


def test_texts_of_one_length_run_together() -> None:
    """Groups are what attention is computed over."""
    assert groups_of([2, 2, 1, 2]) == [(2, 2), (1, 1), (1, 2)]
    assert groups_of([]) == []


def test_tokens_lie_end_to_end() -> None:
    """A token that stood in the wrong text would answer for another."""
    rows = [Tokens(ids=(7, 8, 9), spans=((1, 2), ())), Tokens(ids=(5,)), Tokens(ids=(4, 3), spans=((0,),))]
    batch = lay_out(rows, CPU)
    assert batch.ids.tolist() == [7, 8, 9, 5, 4, 3]
    assert batch.places.tolist() == [0, 1, 2, 0, 0, 1]
    assert batch.starts.tolist() == [0, 3, 4, 6]
    assert (batch.owners.tolist(), batch.named.tolist(), batch.bags.tolist()) == ([0, 0, 2], [1, 2, 4], [0, 2, 2])
    assert batch.found.tolist() == [1, 0, 1]


def test_the_tokeniser_of_the_folder_is_used(model: RandomModel) -> None:
    """Special tokens differ between encoders; they come from tokenizer.json alone."""
    tokenizer = Tokenizer.from_file(str(model.encoder / "tokenizer.json"))
    [row] = engine_of(model).tokenise(["shares"], [[]])
    assert list(row.ids) == tokenizer.encode("shares").ids
