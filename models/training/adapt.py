"""Few-shot adaptation: an adapter and some labelled rows of a new domain in, a new adapter out that has not forgotten.

The parent's answers on the invented rows, which ship, are imitated beside the new labels (Li and Hoiem, Learning
without Forgetting, 2016), so that no old training data is needed. What it costs on the old test sets is measured where
they are given, and stands in the card.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from models.architecture import Network, read_encoder, read_heads, read_lora
from models.artifacts import HEADS, Adapter, read_adapter
from models.digests import sha256_of
from models.encoders import obtain_encoder
from models.evaluation.cases import Case, Task, read_cases
from models.manifest import Manifest
from models.overlap import TRAINING_KEYS, read_keys, write_keys
from models.tokens import read_tokenizer
from models.training.checkpoint import Checkpoint
from models.training.config import TrainingConfig, checked, read_values
from models.training.data import read_corpus
from models.training.folder import CHECKPOINT, begin, fingerprint_of, save_network, writing
from models.training.invented import read_invented
from models.training.logbook import LOGBOOK, Logbook
from models.training.loop import Event, trainer_for
from models.training.measure import measure
from models.training.rows import Example
from models.training.run import TrainingReport, complete, sums_of_files
from models.training.teaching import taught
from monitor.errors import ConfigurationError

MIN_ROWS = 8
SMALL_STEPS = {"learning_rate": 2e-4, "head_learning_rate": 5e-4, "epochs": 6, "batch_size": 32, "balance": 0.0}
HELD = 64  #: Rows from which on a fifth of them choose the stop; fewer are all needed to learn from.
REHEARSED = 4  #: Rows of the rehearsal for each new one, within the bounds below.
REHEARSAL = (256, 1024)


def few_shot_config(path: Path | None = None) -> TrainingConfig:
    """Settings for a few rows: small steps, so that little is forgotten; those of the YAML file `path` go first."""
    return checked(TrainingConfig, {**SMALL_STEPS, **read_values(path)}, path or Path("few-shot settings"))


def adapt(  # noqa: PLR0913 - three inputs, three choices
    parent: str,
    rows: Sequence[Path],
    out: Path,
    config: TrainingConfig,
    *,
    old_tests: Path | None = None,
    encoder: Path | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TrainingReport:
    """Train `parent` further on the labelled `rows`, write the new adapter to `out`.

    `old_tests` is a data folder (docs/models.md): its test sets are run on both adapters. `encoder` is the folder of
    the base encoder, where it is not in the cache.
    """
    old = read_adapter(parent)
    base = obtain_encoder(old.manifest.base, folder=encoder)
    fresh = read_few(rows, topics=old.manifest.topics)
    work = begin(out, config)
    sums = {path.name: sha256_of(path) for path in rows}
    mark = fingerprint_of({"data": sums, "config": config.model_dump(mode="json"), "parent": old.manifest.model})
    with writing(work), Logbook(work / LOGBOOK) as logbook:
        best_look = _fit(old, base, fresh, config, Checkpoint(work / CHECKPOINT, fingerprint=mark), logbook.tell)
        write_keys(work / TRAINING_KEYS, [e.text for e in fresh], known=read_keys(old.folder / TRAINING_KEYS))
        metrics = _metrics(base, (old.folder, work), old_tests, old.manifest)
        seconds = round(logbook.seconds, 1)
        logbook.tell("training_finished", {"best_look": best_look, **metrics})
    manifest = old.manifest.model_copy(update={
        "name": config.name,
        "version": config.version,
        "parent": old.manifest.model,
        "files": sums_of_files(work),
        "data": sums,
        "training": {**config.model_dump(mode="json"), "best_look": best_look, "seconds": seconds},
        "metrics": metrics,
        "code_version": version("tapewatch"),
        "created_at": now().isoformat(timespec="seconds"),
    })  # fmt: skip
    return complete(work, out, manifest, best_look=best_look, seconds=seconds)


def read_few(paths: Sequence[Path], *, topics: Sequence[str]) -> list[Example]:
    """Labelled rows, of any form that `tapewatch evaluate` reads; each file says by its labels what it teaches."""
    found = [example for path in paths for example in _examples(path, topics)]
    if len(found) < MIN_ROWS:
        raise ConfigurationError(f"{len(found)} rows are too few to learn from; give {MIN_ROWS} at least, better 64")
    return found


def _examples(path: Path, topics: Sequence[str]) -> list[Example]:
    cases = read_cases([path], topics=topics)
    cases.refuse_one_class()
    return [_example(case, cases.task, path.stem) for case in cases.cases]


def _example(case: Case, task: Task, source: str) -> Example:
    plain = Example(text=case.text, source=source, lang=case.lang or "en", finance=case.finance)
    if task is Task.TOPIC:
        return replace(plain, topic=case.label)
    if task is Task.SENTIMENT:
        return replace(plain, sentiment=case.label)
    return replace(plain, entities=case.entities)


def _fit(
    old: Adapter, base: Path, fresh: Sequence[Example], config: TrainingConfig, checkpoint: Checkpoint, tell: Event
) -> int:
    rehearsal = _rehearsal(old, len(fresh), config, base)
    new, dev = _split(fresh, config.seed)
    times = max(1, round(len(rehearsal) / len(new)))
    encoder = read_encoder(base)
    network = Network(
        read_lora(encoder, old.folder, trainable=True),
        width=int(encoder.config.hidden_size), topics=len(old.manifest.topics), dropout=config.dropout,
    )  # fmt: skip
    read_heads(network, old.folder / HEADS)
    trainer = trainer_for(network, config, read_tokenizer(base, max_tokens=config.max_tokens))
    tell("training_started", {"rows": len(new), "development_rows": len(dev), "rehearsal_rows": len(rehearsal)})
    standing = trainer.fit([*(new * times), *rehearsal], dev or new, tell=tell, checkpoint=checkpoint)
    save_network(network.cpu(), checkpoint.folder)
    return standing.best_look


def _rehearsal(old: Adapter, fresh: int, config: TrainingConfig, base: Path) -> list[Example]:
    """Invented rows with the parent's answers, their own labels taken off: the parent's word counts here."""
    rows = list(read_invented(old.manifest.topics, languages=old.manifest.languages))
    random.Random(config.seed).shuffle(rows)  # noqa: S311 - a choice, not a secret
    wanted = min(max(REHEARSED * fresh, REHEARSAL[0]), REHEARSAL[1])
    plain = [Example(text=row.text, source="rehearsal", lang=row.lang) for row in rows[:wanted]]
    return taught(plain, config.model_copy(update={"teacher": old.folder, "unlabelled": None}), held_out=(), base=base)


def _split(fresh: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    if len(fresh) < HELD:
        return list(fresh), []
    order = list(fresh)
    random.Random(seed).shuffle(order)  # noqa: S311 - a choice, not a secret
    held = math.ceil(len(order) / 5)
    return order[held:], order[:held]


def _metrics(base: Path, folders: tuple[Path, Path], old_tests: Path | None, manifest: Manifest) -> dict[str, float]:
    """Scores on the old test sets, and what they gained or lost."""
    if old_tests is None:
        return {}
    tests = read_corpus(old_tests, languages=()).tests
    before, after = (measure((base, folder), tests, max_tokens=manifest.max_tokens) for folder in folders)
    return {**after, **_deltas(before, after)}


def _deltas(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    names = [name for name in after if ".fp32." in name and name.endswith(("accuracy", "macro_f1"))]
    return {f"delta.{name}": round(after[name] - before[name], 4) for name in names}
