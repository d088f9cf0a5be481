"""Write the model card: what the adapter is, what was measured, how to make it again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from models.manifest import Manifest

CARD = "MODEL_CARD.md"
CALIBRATED = "calibrated."  #: Begins the names of what a calibration measured.

_CARD = """\
# {model}

LoRA adapter and four heads (topic, {topics} classes; sentiment of the text, and towards each entity in it:
negative/neutral/positive; about finance or not) for {base} at revision `{revision}`. Languages: {languages}.{parent}
Written by the training run on {created_at}; do not edit by hand.

## Measured
On test sets that decided nothing in the run (which rows they are: docs/models.md). `ece` is the expected calibration
error (15 bins); `opposed` are headlines whose entities carry different sentiments; `delta` is what an adaptation
changed; `calibrated` is what the latest calibration found on its own rows, and stands for what was measured before it.
fp32 and bf16 are the merged model as it runs in use. `tapewatch evaluate --model {name} --data FILE` gives the
same figures with intervals, per class, and beside baselines.

| measure | value |
|---|---|
{metrics}

## Calibrated
Folded into the heads: {method}. An answer whose probability is below {confidence} is uncertain: on the development rows
{coverage:.1%} of the answers stand above it, of which {risk:.1%} are wrong. A text whose probability of being about
finance is below {finance} is off topic.

## Made
`tapewatch train --data DATA --out FOLDER --settings SETTINGS`, with

| setting | value |
|---|---|
{settings}

on these files under DATA (layout and sources: docs/models.md) and the invented rows that ship:

| file | SHA-256 |
|---|---|
{data}

Rows that stand in a test set, or repeat another apart from the link, were left out. A share of the rows (`dev_share`)
chose the stop, the calibration and the thresholds. `training_rows.keys` knows every row that had a say.

## Limits
- The test sets are tweets of 2020 to 2022 and Indian headlines; other years and sources were not measured.
- An entity is judged by the words around its name; one that the text does not name gets the sentiment of the text.
- Links are removed before the model reads a text; numbers are read as words, not understood.
- "neutral" holds what is not clearly good or bad for the market.
"""


def write_card(folder: Path, manifest: Manifest) -> None:
    """Write `MODEL_CARD.md` into `folder`: what is in force, after a training run or a calibration."""
    text = _CARD.format(
        model=manifest.model,
        name=manifest.name,
        topics=len(manifest.topics),
        base=manifest.base.name,
        revision=manifest.base.revision,
        languages=", ".join(manifest.languages),
        parent=_parentage(manifest),
        created_at=manifest.created_at[:10],
        metrics=_rows(manifest.metrics.items()),
        settings=_rows(manifest.training.items()),
        data=_rows(manifest.data.items()),
        **manifest.calibration.model_dump(),
    )
    (folder / CARD).write_text(text, encoding="utf-8")


def _parentage(manifest: Manifest) -> str:
    if not manifest.parent:
        return ""
    if any(name.startswith(CALIBRATED) for name in manifest.metrics):
        return f" It is {manifest.parent} with its probabilities calibrated anew; the last files below did that."
    return f" Adapted from {manifest.parent}."


def _rows(pairs: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in pairs)
