"""One training run: data folder in, adapter folder and report out.

The same data, settings and machine give the same adapter. The validation files are read for the report at the end and
decide nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict
from safetensors.torch import save_file
from tokenizers import Tokenizer

from models.architecture import TwoHeads, add_lora, read_encoder
from models.artifacts import ADAPTER_WEIGHTS, HEADS, NEEDED
from models.digests import sha256_of
from models.encoders import MINILM, obtain_encoder
from models.hardware import pick_device
from models.manifest import SCHEMA, BaseEncoder, Manifest
from models.tokens import read_tokenizer
from models.training.card import write_card
from models.training.config import TrainingConfig
from models.training.data import NO_LABEL, Corpus, Example, read_corpus
from models.training.logbook import Logbook
from models.training.loop import Encoded, Trainer
from models.training.measure import measure
from models.training.scores import fit_temperature
from monitor.domain import Sentiment
from monitor.errors import ConfigurationError

MAX_TOKENS = 256  #: Of a text in use; training cuts earlier, which costs nothing on tweets and headlines.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What a run has made and measured."""

    model: str  #: Version of the adapter.
    folder: Path
    best_epoch: int
    seconds: float
    metrics: Mapping[str, float]


def read_config(path: Path | None) -> TrainingConfig:
    """Settings from the YAML file `path`; None: those of the shipped adapter."""
    return TrainingConfig() if path is None else TrainingConfig.from_yaml(path)


def train(
    data: Path,
    out: Path,
    config: TrainingConfig,
    *,
    encoder: tuple[BaseEncoder, Path] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TrainingReport:
    """Train on `data`, write the adapter into `out` (made if absent, else empty), measure it."""
    corpus = read_corpus(data)
    base, folder = encoder or (MINILM, obtain_encoder(MINILM))
    _prepare_folder(out)
    _fix_seeds(config)
    tokenizer = read_tokenizer(folder, max_tokens=config.max_tokens)
    with Logbook(out / "training.jsonl") as logbook:
        best_epoch = _fit(corpus, (folder, tokenizer), config, out, logbook)
        logbook.tell("measuring_started", {"best_epoch": best_epoch})
        metrics = measure((folder, out), corpus, max_tokens=MAX_TOKENS)
        seconds = round(logbook.seconds, 1)
        logbook.tell("training_finished", {"best_epoch": best_epoch, **metrics})
    manifest = Manifest(
        schema_version=SCHEMA,
        name=config.name,
        version=config.version,
        base=base,
        topics=corpus.topics,
        sentiments=tuple(sentiment.value for sentiment in Sentiment),
        max_tokens=MAX_TOKENS,
        files={name: sha256_of(out / name) for name in NEEDED},
        data={str(path.relative_to(data)): sha256_of(path) for path in corpus.files},
        training={**config.model_dump(mode="json"), "best_epoch": best_epoch, "seconds": seconds},
        metrics=metrics,
        code_version=version("tapewatch"),
        created_at=now().isoformat(timespec="seconds"),
    )
    manifest.write(out)
    write_card(out, manifest)
    return TrainingReport(model=manifest.model, folder=out, best_epoch=best_epoch, seconds=seconds, metrics=metrics)


def split(corpus: Corpus, *, dev_share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Training rows and development rows, by chance but the same for a seed."""
    rows = list(corpus.train)
    random.Random(seed).shuffle(rows)  # noqa: S311 - an order, not a secret
    cut = max(1, round(len(rows) * dev_share))
    return rows[cut:], rows[:cut]


def _fit(corpus: Corpus, base: tuple[Path, Tokenizer], config: TrainingConfig, out: Path, logbook: Logbook) -> int:
    folder, tokenizer = base
    encoder = read_encoder(folder)
    width = encoder.config.hidden_size
    lora = add_lora(encoder, rank=config.lora_rank, alpha=config.lora_alpha, dropout=config.lora_dropout)
    network = TwoHeads(lora, width=width, topics=len(corpus.topics), dropout=config.dropout)
    trainer = Trainer(network, config, device=pick_device(config.device))
    rows, held = split(corpus, dev_share=config.dev_share, seed=config.seed)
    dev = _encoded(held, tokenizer)
    logbook.tell("training_started", {"rows": len(rows), "development_rows": len(held)})
    best_epoch = trainer.fit(_encoded(rows, tokenizer), dev, tell=logbook.tell)
    temperatures = _calibrate(trainer, network, dev)
    logbook.tell("calibrated", temperatures)
    _save(network, out)
    return best_epoch


def _calibrate(trainer: Trainer, network: TwoHeads, dev: Encoded) -> dict[str, float]:
    """Fold the temperature that suits the development rows into each head; tells the temperatures."""
    topic, sentiment = trainer.logits(dev)
    found = {}
    for name, logits, labels in (
        ("topic", topic, [e.topic for e in dev.examples]),
        ("sentiment", sentiment, [e.sentiment for e in dev.examples]),
    ):
        wanted = torch.tensor(labels).numpy()
        rows = wanted != NO_LABEL
        found[name] = fit_temperature(logits[rows], wanted[rows]) if rows.any() else 1.0
        head = network.topic if name == "topic" else network.sentiment
        with torch.no_grad():
            head.weight.div_(found[name])
            head.bias.div_(found[name])
    return found


def _save(network: TwoHeads, out: Path) -> None:
    lora = network.encoder
    weights = get_peft_model_state_dict(lora, save_embedding_layers=False)  # "auto" would ask the hub
    # Half precision halves the folder; what it rounds is far below what the product with the encoder's weights keeps.
    save_file({name: tensor.half().contiguous().cpu() for name, tensor in weights.items()}, out / ADAPTER_WEIGHTS)
    settings: Any = lora.peft_config["default"]  # type: ignore[index]  # peft has no types
    settings.base_model_name_or_path = None  # the manifest knows; a path of this machine would mean nothing elsewhere
    settings.auto_mapping = None  # names a class to import, which nothing here needs
    settings.inference_mode = True
    settings.target_modules = sorted(settings.target_modules)  # a set: its order would change the digest
    settings.save_pretrained(str(out))
    heads = {f"{name}.{part}": getattr(getattr(network, name), part).detach().cpu().contiguous()
             for name in ("topic", "sentiment") for part in ("weight", "bias")}  # fmt: skip
    save_file(heads, out / HEADS)
    for name in NEEDED:
        (out / name).chmod(0o644)  # safetensors writes for the owner alone; others run the daemon


def _encoded(examples: list[Example], tokenizer: Tokenizer) -> Encoded:
    encodings = tokenizer.encode_batch_fast([example.text for example in examples])
    return Encoded(examples=examples, ids=[encoding.ids for encoding in encodings])


def _prepare_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigurationError(f"{out}: cannot be made: {err.strerror}") from err
    if any(out.iterdir()):
        raise ConfigurationError(f"{out}: is not empty; name a new folder")


def _fix_seeds(config: TrainingConfig) -> None:
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
