"""`make bench-detection`: whether detection keeps what it promises, and how fast.

Quiet: 400 series for 25 weeks, over-dispersed, with day and night and with days of one mood; how often a rule fires
that was asked for a rate. Bursts: bad news put into those series; how often and how soon it is found. Mentions: the
labelled windows of nab_tweets, with nothing tuned on them, where shared data is at hand. Speed: 5,000 series at once.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from alerts.baseline import HOUR
from alerts.detector import Detector
from monitor.domain import EPOCH, SeriesKey
from tests.bench.detection_episodes import trace
from tests.bench.rates import processor
from tests.fixtures.count_streams import BUCKET, PER_HOUR, Stream, ruled, scanned, stream, taught
from tests.fixtures.shared_data import ROOT

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
WEEK = timedelta(weeks=1)
SERIES, WEEKS, BURN_IN = 400, 33, 8
ASKED = (1.0, 2.0, 5.0, 10.0)
TIMES, SIZES = (3, 5, 10), (2.0, 8.0, 32.0)
TRIES, BURST_H, FOUND_H = 60, 3, 24
PROBATION = 0.15  #: Of each nab_tweets series is not scored, as in the benchmark it comes from.
MANY = 5_000


def main() -> None:
    """Print all tables."""
    print(f"{processor()}, Python {platform.python_version()}, numpy {np.__version__}\n")
    quiet()
    bursts()
    mentions()
    speed()


def quiet() -> None:
    """The rate asked for against the rate observed, on streams without any event."""
    rng = np.random.default_rng(2024)
    a_day = rng.lognormal(1.5, 1.2, SERIES).tolist()
    told = stream(rng, start=START, weeks=WEEKS, a_day=a_day, clumped=0.5, mood=0.03)
    print(f"Quiet streams, {SERIES * (WEEKS - BURN_IN):,} series-weeks: false alerts a week over all {SERIES} series\n")
    print("| asked for at most | observed | observed / asked |\n|---|---|---|")
    found, _ = trace(ruled(), told, START + WEEKS * WEEK)
    for asked in ASKED:
        after = [at for _, at in found.episodes(asked) if at >= START + BURN_IN * WEEK]
        observed = len(after) / (WEEKS - BURN_IN)
        print(f"| {asked:g} | {observed:.2f} | {observed / asked:.2f} |")
    print(flush=True)


def bursts() -> None:
    """How often extra negative stories are found, and how soon."""
    print(f"Bursts: a day's negative stories, so many times over, within {BURST_H} h; 1 false alert a week allowed\n")
    print("| stories a day | " + " | ".join(f"{times}x: found, median delay" for times in TIMES) + " |")
    print("|---|" + "---|" * len(TIMES))
    for size in SIZES:
        cells = [_burst(size, times) for times in TIMES]
        print(f"| {size:g} | " + " | ".join(cells) + " |", flush=True)
    print()


def _burst(size: float, times: int) -> str:
    weeks, hour = 10, 9 * 168 + 34
    rng = np.random.default_rng(int(size * 100 + times))
    a_day = [size] * TRIES
    told = stream(rng, start=START, weeks=weeks, a_day=a_day, clumped=0.5, mood=0.03)
    hit = stream(rng, start=START + hour * HOUR, weeks=1, a_day=[size * times * 24 / BURST_H] * TRIES, season=0.0)
    both = _joined(told, hit, until=START + (hour + BURST_H) * HOUR)
    detector = taught(ruled(), told, START + hour * HOUR)
    delays = _delays(detector, both, START + hour * HOUR)
    found = len(delays) / TRIES
    return f"{found:.0%}, {np.median(delays):.1f} h" if delays else "0 %"


def _joined(told: Stream, more: Stream, *, until: datetime) -> Stream:
    """Both; of the second what is negative, before `until`."""
    some = (more.values[0] > 0) & (more.slots < (until - EPOCH) // BUCKET)
    slots = np.concatenate([told.slots, more.slots[some]])
    order = np.argsort(slots, kind="stable")
    columns = np.concatenate([told.columns, more.columns[some]])[order]
    values = np.concatenate([told.values, more.values[:, some]], axis=1)[:, order]
    return replace(told, slots=slots[order], columns=columns, values=values)


def _delays(detector: Detector, told: Stream, begin: datetime) -> list[float]:
    """Hours from `begin` to the first alert of each series that has one."""
    first: dict[int, float] = {}
    for number in range(FOUND_H):
        hour = begin + number * HOUR
        detector.learn(told.grid(detector.learned_until, hour), until=hour - detector.lookback)
        for tick, row in np.argwhere(scanned(detector, told, hour).fires):
            first.setdefault(int(row), number + (int(tick) + 1) / PER_HOUR)
    return list(first.values())


def mentions() -> None:
    """Recall of the labelled windows of nab_tweets at the rate of false episodes that was asked for."""
    folder = Path(os.environ.get("TAPEWATCH_SHARED", ROOT.parent / "shared")) / "data" / "nab_tweets"
    if not folder.is_dir():
        print(f"Mentions: no development data at {folder}, nothing measured\n")
        return
    told, windows, scored_from = _nab(folder)
    weeks = sum((told_until - begin) / WEEK for begin, told_until in scored_from)
    end = max(until for _, until in scored_from)
    print(f"Mentions, {len(windows)} labelled windows in {weeks:.0f} series-weeks\n")
    print("| method | asked for, a series-week | found | false episodes a series-week |\n|---|---|---|---|")
    for method in ("negative-binomial", "spike"):
        found, _ = trace(ruled(method=method), told, end)
        for asked in (0.1, 0.25, 0.5, 1.0):
            hits, false = _scored(found.episodes(asked * len(told.keys), keep=12), windows, scored_from)
            print(f"| {method} | {asked:g} | {hits} | {false / weeks:.2f} |", flush=True)
    print()


def _scored(
    episodes: Sequence[tuple[int, datetime]],
    windows: Sequence[tuple[int, datetime, datetime]],
    scored: Sequence[tuple[datetime, datetime]],
) -> tuple[int, int]:
    hits, false = set(), 0
    for row, at in episodes:
        mine = {n for n, (of, begin, end) in enumerate(windows) if of == row and begin <= at <= end}
        hits |= mine
        false += not mine and at >= scored[row][0]
    return len(hits), false


def _nab(
    folder: Path,
) -> tuple[Stream, list[tuple[int, datetime, datetime]], list[tuple[datetime, datetime]]]:
    """Each mention is a negative story; windows that begin in the probation are left out."""
    labels = json.loads((folder / "labelled_windows.json").read_text(encoding="utf-8"))
    slots, columns, counts, windows, scored = [], [], [], [], []
    names = sorted(path.stem for path in folder.glob("*.csv"))
    for row, name in enumerate(names):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            table = [(_at(line["timestamp"]), int(float(line["value"]))) for line in csv.DictReader(file)]
        slots += [(at - EPOCH) // BUCKET for at, _ in table]
        columns += [row] * len(table)
        counts += [count for _, count in table]
        scored.append((table[int(PROBATION * len(table))][0], table[-1][0]))
        spans = [(_at(a), _at(b)) for a, b in labels[f"realTweets/Twitter_volume_{name}.csv"]]
        windows += [(row, begin, end) for begin, end in spans if begin >= scored[-1][0]]
    count, order = np.array(counts), np.argsort(slots, kind="stable")
    values = np.stack([count, count * 1_000_000, count, 0 * count])[:, order]
    start = EPOCH + int(min(slots)) * BUCKET // HOUR * HOUR
    keys = tuple(SeriesKey(entity=name) for name in names)
    return Stream(keys, start, np.array(slots)[order], np.array(columns)[order], values), windows, scored


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def speed() -> None:
    """CPU time of one tick and of one learned hour."""
    rng = np.random.default_rng(9)
    told = stream(rng, start=START, weeks=1, a_day=rng.lognormal(2.0, 1.2, MANY).tolist(), clumped=0.5)
    detector = taught(ruled(), told, START + 6 * timedelta(days=1))
    at = detector.learned_until + detector.lookback
    grid, started_s = told.grid(at - detector.lookback, at + HOUR), time.process_time()
    scan = detector.scan(grid, [at + HOUR])
    scanned_s = time.process_time()
    detector.learn(told.grid(detector.learned_until, at + HOUR), until=at + HOUR - detector.lookback)
    learned_s = time.process_time()
    print(f"Speed, {MANY:,} series, {np.count_nonzero(scan.near):,} of them at their count gate\n")
    print("| | CPU ms |\n|---|---|")
    print(f"| one tick | {(scanned_s - started_s) * 1e3:.0f} |")
    print(f"| one learned hour | {(learned_s - scanned_s) * 1e3:.0f} |")


if __name__ == "__main__":
    sys.exit(main())
