"""The demonstration's material: invented documents about invented companies, the same ones for the same seed.

A calm history of some days, then a live part: calm, an hour-long wave of bad news on one company with copied stories,
much harmless talk about another, noise, and calm again. In: `now`. Out: documents as a sender writes them.
"""

from __future__ import annotations

import csv
import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

DocumentJson = dict[str, Any]  #: A document as `POST /api/v1/documents` takes it.

CALM_BEFORE = timedelta(minutes=20)
WAVE = timedelta(minutes=60)
CALM_AFTER = timedelta(minutes=120)
COPY_DELAY = timedelta(minutes=4)

_MOODS = {"neutral": 0.55, "positive": 0.33, "negative": 0.12}
_NOISE_SHARE = 0.15
_POST_SHARE = 0.25
_BLANK = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One invented company."""

    ticker: str
    name: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """One invented source."""

    name: str
    source_class: str  #: news | social | filing
    door: str  #: How its live items reach the monitor: rss | atom | push.


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveItem:
    """One document of the live part."""

    after_s: float  #: Wall-clock seconds after the start.
    door: str  #: rss | atom | push
    document: DocumentJson


@cache
def companies() -> tuple[Company, ...]:
    """The companies, as in `watchlist.csv`."""
    with (files("monitor.demo") / "watchlist.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Company(ticker=row["ticker"], name=row["name"], aliases=tuple(row["aliases"].split("|"))) for row in rows
    )


@cache
def outlets() -> tuple[Outlet, ...]:
    """The sources."""
    return tuple(Outlet(**item) for item in _material()["sources"])


def wave_ticker() -> str:
    """The company that the wave is about."""
    return str(_material()["wave_on"])


def bustle_ticker() -> str:
    """The company that is talked about a lot, without bad news."""
    return str(_material()["bustle_on"])


def history(now: datetime, *, days: int = 10, per_hour: float = 9.0, seed: int = 7) -> list[DocumentJson]:
    """The calm days before `now`, oldest first; quieter at night, the last document at least a minute old."""
    writer = _Writer(seed)
    return list(_calm(writer, now - timedelta(days=days), now - timedelta(minutes=1), per_hour))


def live(now: datetime, *, speed: float = 1.0, seed: int = 8) -> list[LiveItem]:
    """The live part, in order: an item comes `after_s` seconds after the start, dated `now + after_s * speed`.

    It spans 200 minutes of event time.
    """
    writer = _Writer(seed)
    wave_at = now + CALM_BEFORE
    documents = [
        *_calm(writer, now, wave_at + WAVE + CALM_AFTER, 14.0),
        *_wave(writer, wave_at),
        *_bustle(writer, wave_at),
    ]
    doors = {outlet.name: outlet.door for outlet in outlets()}
    items = [
        LiveItem(
            after_s=(datetime.fromisoformat(document["published_at"]) - now).total_seconds() / speed,
            door=doors[document["source"]],
            document=document,
        )
        for document in documents
    ]
    return sorted(items, key=lambda item: item.after_s)


class _Writer:
    """Writes documents from templates; one seed, one text."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable material, no secret
        self._seed = seed
        self._written = 0
        self._outlets = {outlet.name: outlet for outlet in outlets()}

    def fill(self, template: str, company: Company | None = None) -> str:
        """Put names and drawn details into `template`."""
        own = {} if company is None else {"name": company.name, "ticker": company.ticker}

        def word(blank: re.Match[str]) -> str:
            key = blank.group(1)
            return own[key] if key in own else str(self.random.choice(_material()["details"][key]))

        return _BLANK.sub(word, template)

    def document(self, source: str, at: datetime, *, title: str = "", text: str = "") -> DocumentJson:
        """One document of `source`, published at `at`."""
        self._written += 1
        key = f"demo-{self._seed}-{self._written:05d}"
        document = {
            "id": key,
            "source": source,
            "source_class": self._outlets[source].source_class,
            "published_at": at.isoformat(),
            "title": title,
            "text": text,
            "url": f"https://{source}.example/{key}",
            "lang": "en",
        }
        return {name: value for name, value in document.items() if value or name == "text"}

    def outlet(self, source_class: str) -> str:
        """A drawn source of the class."""
        return self.random.choice([o.name for o in self._outlets.values() if o.source_class == source_class])


def _calm(writer: _Writer, start: datetime, end: datetime, per_hour: float) -> Iterator[DocumentJson]:
    at = start
    while True:
        at += timedelta(hours=writer.random.expovariate(per_hour * _busyness(at)))
        if at >= end:
            return
        yield _calm_document(writer, at)


def _busyness(at: datetime) -> float:
    """Share of the mean rate at this hour: most in the afternoon, least at night."""
    return 1.0 + 0.6 * math.cos((at.hour + at.minute / 60 - 14) / 24 * 2 * math.pi)


def _calm_document(writer: _Writer, at: datetime) -> DocumentJson:
    material, draw = _material(), writer.random
    if draw.random() < _NOISE_SHARE:
        return writer.document(writer.outlet("news"), at, title=writer.fill(draw.choice(material["noise"])))
    company = draw.choice(companies())
    (mood,) = draw.choices(list(_MOODS), weights=list(_MOODS.values()))
    if draw.random() < _POST_SHARE:
        text = writer.fill(draw.choice(material["posts"][mood]), company)
        return writer.document("streetpost", at, text=text)
    title = writer.fill(draw.choice(material["calm"][mood]), company)
    text = writer.fill(draw.choice(material["follow_up"][mood]), company)
    return writer.document(writer.outlet("news"), at, title=title, text=text)


def _wave(writer: _Writer, start: datetime) -> Iterator[DocumentJson]:
    stories: list[Mapping[str, Any]] = _material()["wave"]
    for number, story in enumerate(stories):
        at = start + WAVE * (number / len(stories))
        words = {"title": story.get("title", ""), "text": story["text"]}
        yield writer.document(story["source"], at, **words)
        for place, source in enumerate(story.get("copies", ()), start=1):
            yield writer.document(source, at + COPY_DELAY * place, **words)


def _bustle(writer: _Writer, start: datetime) -> Iterator[DocumentJson]:
    lines: list[str] = _material()["bustle"]
    for number, line in enumerate(lines):
        at = start + WAVE * ((number + 0.5) / len(lines))
        words = writer.fill(line)
        if words.startswith("$"):
            yield writer.document("streetpost", at, text=words)
        else:
            yield writer.document(writer.outlet("news"), at, title=words)


@cache
def _material() -> dict[str, Any]:
    text = (files("monitor.demo") / "headlines.yaml").read_text(encoding="utf-8")
    material: dict[str, Any] = yaml.safe_load(text)
    return material
