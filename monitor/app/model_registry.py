"""`tapewatch models`: what is there, what is in force, and how another takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from models.artifacts import SHIPPED, Adapter, check_adapter, find_adapter
from models.history import Entry, read_history
from models.registry import (
    REFUSED,
    Held,
    Verdict,
    active_name,
    add,
    check_held,
    list_held,
    promote,
    promoted_line,
    rollback,
)
from monitor.console import Output, Row
from monitor.errors import ArtifactError, ConfigurationError, PermanentError
from monitor.logs import configure_logging
from monitor.settings import ClassifierSettings, LoggingSettings

if TYPE_CHECKING:
    from models.gate import Margins, Measures, Sets

log = structlog.get_logger(__name__)

FROZEN_LANGUAGE = "en"  #: Of the gate's frozen sets.
GATE_COLUMNS = ("set", "rows", "accuracy", "macro_f1", "calibration_error")
COLUMNS = ("name", "active", "model", "languages", "encoder", "created_at", "problem")


def list_models(settings: ClassifierSettings, output: Output) -> None:
    """Show the adapters of the registry, where there is one, and those that ship."""
    held = list_held(settings.registry) if settings.registry else []
    rows = [*(_row(found, "registry") for found in held), *(_row(found, "shipped") for found in list_held(SHIPPED))]
    output.rows(rows, title="Models", columns=("place", *COLUMNS), empty="There is no model.")


def show_model(settings: ClassifierSettings, name: str, output: Output) -> None:
    """Check one adapter and show its manifest and its history, as JSON."""
    registry = settings.registry
    adapter = check_adapter(find_adapter(name, registry=registry))
    is_held = registry is not None and adapter.folder.parent == registry
    past = read_history(registry) if registry is not None and is_held else []
    output.line(
        {
            "name": adapter.folder.name,
            "model": adapter.manifest.model,
            "folder": str(adapter.folder),
            "active": registry is not None and is_held and active_name(registry) == adapter.folder.name,
            "manifest": adapter.manifest.model_dump(mode="json"),
            "history": [asdict(entry) for entry in past if entry.name == adapter.folder.name],
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A promotion that is asked for."""

    name: str  #: Of the registry, or a shipped adapter or a folder, which is copied into it first.
    gate: Path | None  #: Data folder with the frozen test sets; None: without a gate.
    margins: Margins
    is_forced: bool = False  #: Whatever the gate says.


def promote_model(settings: ClassifierSettings, wanted: Wanted, *, now: datetime, output: Output) -> None:
    """Put an adapter in force if it loads and passes the gate; raises `PermanentError` where it is refused."""
    configure_logging(LoggingSettings(level="warning"))
    registry = _registry(settings)
    is_there = wanted.name in {held.name for held in list_held(registry)} if registry.is_dir() else False
    name = wanted.name if is_there else add(registry, find_adapter(wanted.name, registry=registry))
    candidate = check_held(registry, name)
    verdict = _verdict(settings, candidate, _active(registry), wanted, output)
    if wanted.is_forced and not verdict.passed:
        verdict = replace(verdict, is_forced=True)
    entry = promote(registry, name, now=now, verdict=verdict)
    if entry.action == REFUSED:
        reasons = "; ".join(entry.reasons)
        raise PermanentError(f"{name} is not promoted, {entry.before or 'nothing'} stays active: {reasons}")
    _tell(entry, output)


def rollback_model(settings: ClassifierSettings, *, now: datetime, output: Output) -> None:
    """Put back in force what was before the active model."""
    registry = _registry(settings)
    _tell(rollback(registry, now=now), output)
    output.say(f"In line: {' > '.join(promoted_line(registry))}")


def _verdict(
    settings: ClassifierSettings, candidate: Adapter, active: Adapter | None, wanted: Wanted, output: Output
) -> Verdict:
    """What the gate says; a candidate that cannot be loaded raises."""
    from models.engine import load_engine
    from models.gate import frozen_sets, is_development, judge, objections, with_reasons

    if wanted.gate is None:
        load_engine(candidate, settings)
        return Verdict(passed=True, found={"gate": "none was asked for"})
    sets = frozen_sets(wanted.gate, candidate.manifest)
    after = _gauged(settings, candidate, sets)
    before = _gauged(settings, active, sets) if active else {}
    output.rows(_compared(before, after), title=f"Gate for {candidate.manifest.model}", columns=GATE_COLUMNS, empty="")
    if any(map(is_development, after)):
        output.say("note: sets that end in _dev are invented rows that chose the stop of what was trained here: a fall "
                   "there counts, a rise proves little.")  # fmt: skip
    return with_reasons(
        judge(after, before, wanted.margins), objections(candidate, active.manifest if active else None, sets)
    )


def _gauged(settings: ClassifierSettings, adapter: Adapter, frozen: Sets) -> Measures:
    """One adapter on the frozen sets, and on the development rows of its other languages."""
    from models.engine import load_engine
    from models.gate import development_sets, measure_adapter

    manifest = adapter.manifest
    others = [language for language in manifest.languages if language != FROZEN_LANGUAGE]
    return measure_adapter(
        load_engine(adapter, settings), {**frozen, **development_sets(manifest.topics, others)}, manifest
    )


def _active(registry: Path) -> Adapter | None:
    """What is in force, to compare with; one that is damaged must not keep a sound one out."""
    name = active_name(registry)
    try:
        return check_held(registry, name) if name else None
    except ArtifactError as err:
        log.warning("active_model_not_compared", error=str(err))
        return None


def _registry(settings: ClassifierSettings) -> Path:
    if settings.registry is None:
        raise ConfigurationError("classifier.registry is not set: set it, or give --registry FOLDER")
    return settings.registry


def _compared(before: Measures, after: Measures) -> Iterator[Row]:
    for name, now in after.items():
        then = before.get(name)
        row: dict[str, object] = {"set": name, "rows": now.rows}
        for measure in ("accuracy", "macro_f1", "calibration_error"):
            was = f"{getattr(then, measure):.2f} -> " if then else ""
            row[measure] = f"{was}{getattr(now, measure):.2f}"
        yield row


def _row(held: Held, place: str) -> Row:
    manifest = held.manifest
    return {
        "place": place,
        "name": held.name,
        "active": held.is_active,
        "model": manifest.model if manifest else None,
        "languages": ", ".join(manifest.languages) if manifest else None,
        "encoder": manifest.base.name if manifest else None,
        "created_at": manifest.created_at if manifest else None,
        "problem": held.problem or None,
    }


def _tell(entry: Entry, output: Output) -> None:
    if output.as_json:
        output.line(asdict(entry))
        return
    forced = f", though the gate refused it: {'; '.join(entry.reasons)}" if entry.is_forced else ""
    output.say(f"{entry.name} ({entry.model}) is active now, before it {entry.before or 'nothing'}{forced}.")
