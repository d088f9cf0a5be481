"""Write the model card: what the adapter is, what was measured, how to make it again."""

from __future__ import annotations

from pathlib import Path

from models.manifest import Manifest

_CARD = """\
# {model}

LoRA adapter and two heads (topic, {topics} classes; sentiment, negative/neutral/positive) for
{base} of the model hub (Apache-2.0) at revision `{revision}`.
English financial news and posts. Written by the training run on {created_at}; do not edit by hand.

## Measured
On the validation files, which the run read only after its last choice was made. `ece` is the expected
calibration error (15 bins). fp32 and bf16 are the merged model as it runs in use.

| measure | value |
|---|---|
{metrics}

## Made
`tapewatch train --data DATA --out FOLDER`, with

| setting | value |
|---|---|
{settings}

on these files under DATA (layout and sources: docs/models.md):

| file | SHA-256 |
|---|---|
{data}

Rows that stand in a validation file, or repeat another apart from the link, were left out. A share of the training rows
(`dev_share`) chose the epoch and the temperature of each head, which is folded into its weights.

## Limits
- One sentiment for the whole text: a headline that is good for one company and bad for another gets one answer.
- The validation files are tweets of 2020 to 2022; other years, other sources and other languages were not measured.
- Links are removed before the model reads a text; numbers are read as words, not understood.
- "neutral" holds what is not clearly good or bad for the market, and texts that are not about finance at all.
"""


def write_card(folder: Path, manifest: Manifest) -> None:
    """Write `MODEL_CARD.md` into `folder`."""
    text = _CARD.format(
        model=manifest.model,
        topics=len(manifest.topics),
        base=manifest.base.name,
        revision=manifest.base.revision,
        created_at=manifest.created_at[:10],
        metrics=_rows(manifest.metrics.items()),
        settings=_rows(manifest.training.items()),
        data=_rows(manifest.data.items()),
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def _rows(pairs: object) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in pairs)  # type: ignore[attr-defined]  # items() views
