"""`tapewatch robustness`: one model under attack, or two side by side."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.artifacts import Adapter, read_adapter
from models.attacks import ATTACKS
from models.evaluation.cases import Cases, Task, read_cases
from models.evaluation.run import OnOverlap, settle_overlap
from models.judging import answers_of
from models.robustness import Robustness, measure_robustness
from models.robustness_words import as_markdown, as_values, held_lines, turned_lines
from monitor.console import Output, Row
from monitor.errors import ConfigurationError, PermanentError
from monitor.logs import configure_logging
from monitor.settings import ClassifierSettings, LoggingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What to attack, and how."""

    models: tuple[str, ...]  #: Names of adapters or folders; one or two.
    data: tuple[Path, ...]
    task: str | None  #: None: what the data say.
    seed: int
    limit: int | None  #: Texts at most, drawn by `seed`.


def attack_models(settings: ClassifierSettings, attempt: Attempt, *, out: Path | None, output: Output) -> None:
    """Measure every model of `attempt` on the same attacked texts, show it, and write it where `out` is given."""
    configure_logging(LoggingSettings(level="warning"))
    if out and not out.parent.is_dir():
        raise ConfigurationError(f"{out}: its folder does not exist; make it, or name another file")
    adapters = [read_adapter(model) for model in attempt.models]
    cases, notes = _cases(adapters, attempt)
    with _progress(len(adapters) * len(ATTACKS)) as step:
        found = [_measured(adapter, settings, cases, attempt.seed, step) for adapter in adapters]
    if out:
        _write(out, as_markdown(found, notes))
    _show(found, notes, output)


def _cases(adapters: Sequence[Adapter], attempt: Attempt) -> tuple[Cases, list[str]]:
    """Cases that trained none of the models, and what to say of those left out."""
    topics = adapters[0].manifest.topics
    if any(adapter.manifest.topics != topics for adapter in adapters):
        raise ConfigurationError(f"{' and '.join(attempt.models)} know different topics; compare models of one kind")
    cases = read_cases(attempt.data, topics=topics, task=Task(attempt.task) if attempt.task else None)
    notes: list[str] = []
    trained: set[int] = set()
    for adapter in adapters:
        repeated, overlap = settle_overlap(adapter, cases, OnOverlap.SKIP)
        trained.update(repeated)
        if not overlap.known:
            notes.append(f"{adapter.manifest.name} does not say what trained it: texts that did are not left out.")
    if trained:
        notes.append(f"{len(trained)} texts that trained a model are left out.")
    return _limited(cases.without(trained), attempt), notes


def _limited(cases: Cases, attempt: Attempt) -> Cases:
    count = len(cases.cases)
    if attempt.limit is not None and attempt.limit < count:
        chance = random.Random(attempt.seed)  # noqa: S311 - to be repeated, not to be secret
        drawn = set(chance.sample(range(count), attempt.limit))
        cases = cases.without(set(range(count)) - drawn)
    cases.refuse_one_class()
    return cases


def _measured(
    adapter: Adapter, settings: ClassifierSettings, cases: Cases, seed: int, step: Callable[[str], None]
) -> Robustness:
    from models.engine import load_engine

    engine = load_engine(adapter, settings)
    return measure_robustness(partial(answers_of, engine), cases, model=adapter.manifest.model, seed=seed, step=step)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("attacks", total=total)
        yield lambda name: shown.update(task, advance=1, description=name)


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as err:
        raise PermanentError(f"{out}: the report cannot be written: {err.strerror}; make room and try again") from err


def _show(found: Sequence[Robustness], notes: Sequence[str], output: Output) -> None:
    if output.as_json:
        output.line(as_values(found, notes))
        return
    names = " and ".join(report.model for report in found)
    _table(output, held_lines(found), f"{names}: {found[0].task}, {found[0].texts} texts, seed {found[0].seed}")
    _table(output, turned_lines(found), "Must change the answer: share of the right ones that turned")
    for note in notes:
        output.say(f"note: {note}")


def _table(output: Output, lines: Sequence[Row], title: str) -> None:
    if lines:
        output.rows(lines, title=title, columns=list(lines[0]), empty="")
