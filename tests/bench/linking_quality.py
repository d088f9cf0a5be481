"""How rightly text is linked: annotated texts in, precision and recall out, with what was missed and what was too much.

Sentfin: a headline's `Decisions` name its entities; those that its list of entities has are asked for, each counted as
found when the entity is linked. A place that is linked is right when it names one of them. The list holds sectors and
words of the market too (`stocks`, `India`, `lead`), which the annotators marked only at times: the second row takes the
companies of the list alone. Of what is too much it is told how much lies within a longer name that was marked
(`Motilal Oswal` of `Motilal Oswal AMC`).

Stream: a tweet is asked for by the tickers under which it was found, some of them from inside a word (`BE$T` for T);
these are counted apart as traps, and the linker must not fall into them.
"""

from __future__ import annotations

import ast
import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.settings import WatchedEntity
from pipelines.entities import EntityLinker
from pipelines.links import Links

SHOWN = 8
_PAIR = re.compile(r"""['"]([^{}]+?)['"]:\s*['"](?:neutral|positive|negative)['"]""")
_COMPANY = re.compile(
    r"\b(?:Ltd|Limited|Inc|Corp|Corporation|Bank|Company|Co|plc|AG|Industries|Motors|Airlines|Pharma)\b", re.IGNORECASE
)
_CASHTAG = r"(?<![\w$]){}(?!\w)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What came out on one set."""

    data: str
    documents: int
    named: int
    found: int
    hits: int  #: Of the named.
    right: int  #: Of the found.
    notes: tuple[str, ...] = ()

    @property
    def recall(self) -> float:
        """Share of the named that is found."""
        return self.hits / self.named

    @property
    def precision(self) -> float:
        """Share of the found that is named."""
        return self.right / self.found


@dataclass(slots=True)
class _Tally:
    named: int = 0
    found: int = 0
    hits: int = 0
    right: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    surplus: Counter[str] = field(default_factory=Counter)
    within: int = 0  #: Of the surplus, within a longer name.

    def quality(self, data: str, documents: int) -> Quality:
        notes = (
            f"missed: {_shown(self.missed)}",
            f"too much: {_shown(self.surplus)}; {self.within:,} of {sum(self.surplus.values()):,} within a longer name",
        )
        return Quality(data=data, documents=documents, named=self.named, found=self.found, hits=self.hits,
                       right=self.right, notes=notes)  # fmt: skip


def _shown(counter: Counter[str]) -> str:
    return ", ".join(f"{what} ({count})" for what, count in counter.most_common(SHOWN))


def judge_sentfin(folder: Path) -> Iterator[Quality]:
    """Twice: with all of the list, and with its companies."""
    with (folder / "sentfin_entities.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    with (folder / "sentfin.csv").open(encoding="utf-8", newline="") as file:
        headlines = [(row["Title"], _decided(row["Decisions"])) for row in csv.DictReader(file)]
    yield _judge_headlines("sentfin, whole list", listed, headlines)
    companies = [row for row in listed if _COMPANY.search(row["Entity"])]
    yield _judge_headlines("sentfin, companies", companies, headlines)


def _decided(decisions: str) -> tuple[str, ...]:
    try:
        return tuple(ast.literal_eval(decisions))
    except (SyntaxError, ValueError):  # an apostrophe in a name
        return tuple(_PAIR.findall(decisions))


def _judge_headlines(
    data: str, listed: Sequence[Mapping[str, str]], headlines: Sequence[tuple[str, tuple[str, ...]]]
) -> Quality:
    entities = [_entity(number, row) for number, row in enumerate(listed)]
    owners: dict[str, set[str]] = {}
    for entity in entities:
        for name in (entity.name, *entity.aliases):
            owners.setdefault(_key(name), set()).add(entity.ticker)
    linker, tally = EntityLinker(entities), _Tally()
    for title, names in headlines:
        asked = {name: owners[_key(name)] for name in names if _key(name) in owners}
        links = linker.find(title)
        _tally_named(tally, links, asked)
        _tally_found(tally, links, set().union(*asked.values()), names)
    return tally.quality(data, len(headlines))


def _entity(number: int, row: Mapping[str, str]) -> WatchedEntity:
    names = list(dict.fromkeys(name.strip() for name in row["Entity"].split(", ") if name.strip()))
    return WatchedEntity(ticker=f"E{number}", name=names[0], aliases=tuple(names[1:]))


def _key(name: str) -> str:
    return name.strip().rstrip(".").lower()


def _tally_named(tally: _Tally, links: Links, asked: Mapping[str, set[str]]) -> None:
    for name, tickers in asked.items():
        tally.named += 1
        if tickers & links.tickers:
            tally.hits += 1
        else:
            tally.missed[name] += 1


def _tally_found(tally: _Tally, links: Links, wanted: set[str], names: Sequence[str]) -> None:
    places: dict[tuple[int, str], set[str]] = {}
    for link in links.found:
        places.setdefault((link.start, link.surface), set()).add(link.ticker)
    for (_, surface), tickers in places.items():
        tally.found += 1
        if tickers & wanted:
            tally.right += 1
        else:
            tally.surplus[surface] += 1
            tally.within += any(surface in name for name in names)


def judge_stream(folder: Path) -> Iterator[Quality]:
    """The tickers of tweets, with cashtags alone: the list gives no names."""
    wanted = _tweets(folder)
    tickers = {ticker for _, asked in wanted for ticker in asked}
    linker = EntityLinker([WatchedEntity(ticker=ticker, name=f"Unnamed {ticker}") for ticker in tickers])
    tally, traps, fallen = _Tally(), 0, 0
    for text, asked in wanted:
        found = linker.find("", text).tickers
        trapped = {ticker for ticker in asked if not _has_cashtag(text, ticker)}
        traps, fallen = traps + len(trapped), fallen + len(trapped & found)
        fair = asked - trapped
        tally.named += len(fair)
        tally.found += len(found - trapped)
        tally.hits += len(found & fair)
        tally.right += len(found & fair)
        tally.missed.update(fair - found)
        tally.surplus.update(found - asked)
    result = tally.quality("stream, cashtags", len(wanted))
    share = f"of {traps:,} tickers that stand only inside a word (BE$T, U$D) or not at all, {fallen} were linked"
    yield replace(result, notes=(*result.notes, share, *_controls(folder, linker)))


def _controls(folder: Path, linker: EntityLinker) -> Iterator[str]:
    """What was linked on the day whose volume is noise: music tweets under T."""
    with (folder / "events_controls.csv").open(encoding="utf-8", newline="") as file:
        noise = [(row["ticker"], row["et_day"]) for row in csv.DictReader(file) if row["kind"] == "noise"]
    for ticker, day in noise:
        texts = [tweet["text"] for tweet in _read(folder) if tweet["ticker"] == ticker and _eastern(tweet["ts"]) == day]
        linked = sum(ticker in linker.find("", text).tickers for text in texts)
        yield f"noise of {ticker} on {day}: {linked} of {len(texts)} tweets were linked"


def _eastern(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(ZoneInfo("America/New_York")).date().isoformat()


def _tweets(folder: Path) -> list[tuple[str, set[str]]]:
    """Each tweet once, with all its tickers."""
    tweets: dict[str, tuple[str, set[str]]] = {}
    for tweet in _read(folder):
        tweets.setdefault(tweet["id"], (tweet["text"], set()))[1].add(tweet["ticker"])
    return list(tweets.values())


def _read(folder: Path) -> Iterator[dict[str, str]]:
    with gzip.open(folder / "tweets_2014-01_2015-06.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _has_cashtag(text: str, ticker: str) -> bool:
    pattern = _CASHTAG.format(re.escape("$" + ticker).replace("\\-", "[.-]"))
    return re.search(pattern, text, re.IGNORECASE) is not None
