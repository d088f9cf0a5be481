"""One training run: data folder in, adapter folder and report out.

The same data, settings and machine give the same adapter, also after a kill midway. The test sets are read for the
report at the end and decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from models.architecture import Network, add_lora, read_encoder
from models.artifacts import NEEDED
from models.digests import sha256_of
from models.manifest import SCHEMA, BaseEncoder, Calibration, Manifest, Reference
from models.overlap import TRAINING_KEYS, write_keys
from models.tokens import read_tokenizer, unknown_id
from models.training.bases import Base, known_encoder
from models.training.calibrating import calibrate, reference, thresholds
from models.training.card import write_card
from models.training.checkpoint import Checkpoint
from models.training.config import TrainingConfig
from models.training.curves import draw_curves
from models.training.data import Corpus, Example, read_corpus
from models.training.folder import CHECKPOINT, begin, fingerprint_of, publish, save_network, writing
from models.training.invented import DEV
from models.training.logbook import LOGBOOK, Logbook
from models.training.loop import Event, trainer_for
from models.training.losses import refuse_one_class
from models.training.lowrank import as_lora, open_linear_layers
from models.training.measure import measure
from models.training.pretrain import begin_from
from models.training.rows import lot
from models.training.teaching import taught
from monitor.domain import Sentiment
from monitor.errors import ConfigurationError

SETTINGS = Path(__file__).resolve().parent / "settings"  #: Of the adapters that ship, by name.
MAX_TOKENS = 256  #: Of a text in use; training cuts earlier, which costs nothing on tweets and headlines.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What a run has made and measured."""

    model: str  #: Version of the adapter.
    folder: Path
    best_look: int
    seconds: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trained:
    """What the fit leaves beside the files."""

    best_look: int
    calibration: Calibration
    reference: Reference


def read_config(path: Path | None) -> TrainingConfig:
    """Settings from the YAML file `path`; None: those of the shipped adapter `small`."""
    return TrainingConfig.from_yaml(path or SETTINGS / "small.yaml")


def train(
    data: Path,
    out: Path,
    config: TrainingConfig,
    *,
    encoder: Base | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TrainingReport:
    """Train on `data`, write the adapter into `out` (made if absent, else empty), measure it."""
    corpus = read_corpus(data, languages=config.languages if config.invented else ())
    unlabelled = _unlabelled(data, config)
    base, folder = encoder or known_encoder(config.encoder)
    work = begin(out, config)
    sums = {str(path.relative_to(data)): sha256_of(path) for path in corpus.files}
    if config.unlabelled and unlabelled:
        sums[str(config.unlabelled)] = sha256_of(unlabelled)
    mark = fingerprint_of({"data": sums, "config": config.model_dump(mode="json"), "encoder": dict(base.files)})
    with writing(work), Logbook(work / LOGBOOK) as logbook:
        asked = config.model_copy(update={"unlabelled": unlabelled})
        trained = _fit(corpus, (base, folder), asked, Checkpoint(work / CHECKPOINT, fingerprint=mark), logbook.tell)
        write_keys(work / TRAINING_KEYS, [example.text for example in corpus.rows])
        logbook.tell("measuring_started", {"best_look": trained.best_look})
        metrics = measure((folder, work), corpus.tests, max_tokens=MAX_TOKENS)
        seconds = round(logbook.seconds, 1)
        logbook.tell("training_finished", {"best_look": trained.best_look, **metrics})
    training = {**config.model_dump(mode="json"), "best_look": trained.best_look, "seconds": seconds}
    manifest = Manifest(
        **_origin(config, base, corpus),
        files=sums_of_files(work),
        data=sums,
        training=training,
        metrics=metrics,
        calibration=trained.calibration,
        reference=trained.reference,
        created_at=now().isoformat(timespec="seconds"),
    )
    return complete(work, out, manifest, best_look=trained.best_look, seconds=seconds)


def _unlabelled(data: Path, config: TrainingConfig) -> Path | None:
    """The unlabelled file of `config`: as it is named, or else under `data`."""
    named = config.unlabelled
    if named is None or named.is_file():
        return named
    if (data / named).is_file():
        return data / named
    raise ConfigurationError(f"unlabelled: neither {named} nor {data / named} is a file")


def _origin(config: TrainingConfig, base: BaseEncoder, corpus: Corpus) -> dict[str, Any]:
    """What a manifest says of a run before its first step."""
    return {
        "schema_version": SCHEMA,
        "name": config.name,
        "version": config.version,
        "base": base,
        "topics": corpus.topics,
        "sentiments": tuple(sentiment.value for sentiment in Sentiment),
        "languages": config.languages,
        "max_tokens": MAX_TOKENS,
        "code_version": version("tapewatch"),
    }


def sums_of_files(work: Path) -> dict[str, str]:
    """Sums of what makes an adapter in a working folder."""
    return {name: sha256_of(work / name) for name in (*NEEDED, TRAINING_KEYS)}


def complete(work: Path, out: Path, manifest: Manifest, *, best_look: int, seconds: float) -> TrainingReport:
    """Write manifest, card and curves into the working folder, and give it its name."""
    with writing(work):
        manifest.write(work)
        write_card(work, manifest)
        draw_curves(work / LOGBOOK, work / "curves.png")
    publish(work, out)
    return TrainingReport(
        model=manifest.model, folder=out, best_look=best_look, seconds=seconds, metrics=manifest.metrics
    )


def split(rows: Sequence[Example], config: TrainingConfig) -> tuple[list[Example], list[Example]]:
    """Training rows and development rows, by the words of each text; invented training rows stand in several times."""
    train: list[Example] = []
    dev: list[Example] = []
    for example in rows:
        held = example.source.endswith(DEV) or lot(example.text, salt=str(config.seed)) < config.dev_share
        if held:
            dev.append(example)
        else:
            is_invented = example.source.startswith(("invented", "chatter"))
            train.extend([example] * (config.invented if is_invented else 1))
    return train, dev


def _fit(corpus: Corpus, encoder: Base, config: TrainingConfig, checkpoint: Checkpoint, tell: Event) -> _Trained:
    rows, dev = split(corpus.rows, config)
    refuse_one_class(rows)
    train = taught(rows, config, held_out=[*dev, *(example for test in corpus.tests.values() for example in test)])
    tokenizer = read_tokenizer(encoder[1], max_tokens=config.max_tokens)
    network = _network(encoder, config, topics=len(corpus.topics))
    trainer = trainer_for(network, config, tokenizer)
    tell("training_started", {"rows": len(train), "development_rows": len(dev)})
    standing = trainer.fit(train, dev, tell=tell, checkpoint=checkpoint)
    if config.method == "full":
        trained: Any = network.encoder.cpu()
        lora = as_lora(trained, read_encoder(encoder[1]), rank=config.lora_rank, alpha=config.lora_alpha)
        network.encoder = lora.to(trainer.device)
    outputs = trainer.outputs(dev)
    scalings = calibrate(network.cpu(), outputs, dev)
    tell("calibrated", {task: scaling.method for task, scaling in scalings.items()})
    save_network(network, checkpoint.folder)
    unknown = unknown_share(tokenizer, [example.text for example in dev])
    return _Trained(
        best_look=standing.best_look,
        calibration=thresholds(outputs, scalings, dev, risk=config.risk),
        reference=reference(outputs, scalings, corpus.topics, unknown_tokens=unknown),
    )


def _network(encoder: Base, config: TrainingConfig, *, topics: int) -> Network:
    base = read_encoder(encoder[1])
    for module in base.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.encoder_dropout
    if not config.encoder_dropout:
        base.set_attn_implementation("eager")  # for short texts on a CPU half as fast again as the fused kernel
    width = int(base.config.hidden_size)
    if config.method == "full":
        return Network(open_linear_layers(base), width=width, topics=topics, dropout=config.dropout)
    lora = add_lora(base, rank=config.lora_rank, alpha=config.lora_alpha, dropout=config.lora_dropout)
    if config.start is not None:
        begin_from(lora, config.start, encoder[0].files)
    return Network(lora, width=width, topics=topics, dropout=config.dropout)


def unknown_share(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Share of the tokens of `texts` that the vocabulary lacks."""
    ids = [token for encoding in tokenizer.encode_batch_fast(list(texts)) for token in encoding.ids]
    unknown = unknown_id(tokenizer)
    return sum(token == unknown for token in ids) / len(ids) if ids else math.nan
