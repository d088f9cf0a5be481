"""Watched entities are found where they are named, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity, WatchlistSettings
from pipelines.entities import EntityLinker


def entity(ticker: str, name: str, *aliases: str) -> WatchedEntity:
    """A watched entity."""
    return WatchedEntity(ticker=ticker, name=name, aliases=aliases)


LINKER = EntityLinker(
    [
        entity("AAPL", "Apple", "苹果"),
        entity("T", "AT&T"),
        entity("GE", "General Electric", "GE"),
        entity("GIS", "General Mills", "General"),
        entity("BRK.B", "Berkshire Hathaway"),
        entity("GOOG", "Alphabet"),
        entity("GOOGL", "Alphabet"),
        entity("0700.HK", "Tencent"),
        entity("005930", "Samsung"),
        entity("MCD", "McDonald's"),
    ]
)


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("$AAPL down", {"AAPL"}),
        ("short $aapl.", {"AAPL"}),
        ("($T) and $BRK-B, $0700.hk", {"T", "BRK.B", "0700.HK"}),
        ("BE$T night $TT $$T US$T", set()),
        ("it cost $005930", set()),
        ("Apple's outlook; APPLE", {"AAPL"}),
        ("pineapple Applebee apple_pie", set()),
        ("https://example.org/apple?x=$T", set()),
        ("GE falls", {"GE"}),
        ("ge falls, Ge falls", set()),
        ("General Electric falls", {"GE"}),
        ("General Electrics and General", {"GIS"}),
        ("Alphabet slips", {"GOOG", "GOOGL"}),
        ("McDonald\u2019s slips", {"MCD"}),
        ("据报道苹果公司下跌", {"AAPL"}),
        ("İ Apple", {"AAPL"}),
        ("AAPL in capitals, AT&T named", {"T"}),
    ],
)
def test_entities_are_linked_by_cashtag_or_whole_word(text: str, tickers: set[str]) -> None:
    """Each line is a trap that cost a false alert or a missed one."""
    assert LINKER.link(text) == tickers


def test_an_empty_watchlist_links_nothing() -> None:
    """The monitor runs without one."""
    assert EntityLinker([]).link("$AAPL Apple") == frozenset()


def test_a_ticker_listed_twice_is_refused() -> None:
    """The second would silently shadow the first."""
    with pytest.raises(ConfigurationError, match="listed twice: AAPL"):
        EntityLinker([entity("AAPL", "Apple"), entity("AAPL", "Apple Inc")])


def test_csv_and_configuration_are_joined(tmp_path: Path) -> None:
    """Both ways to name what is watched hold at once; a byte order mark is no part of a column's name."""
    file = tmp_path / "watch.csv"
    file.write_text('\ufeffticker,name,aliases\nNWA,"Nordwind, Airlines",Nordwind|NWA\nZZ,Zett,\n', encoding="utf-8")
    linker = EntityLinker.from_settings(WatchlistSettings(entities=(entity("T", "AT&T"),), file=file))
    assert linker.tickers == ("NWA", "T", "ZZ")
    assert linker.link("Nordwind and AT&T") == {"NWA", "T"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"symbol,name\nA,B\n", "line 1: the first line must be"),
        (b"", "line 1: the first line must be"),
        (b"ticker,name,aliases\nA,One,x,y\n", "line 2: wrong number of fields"),
        (b"ticker,name,aliases\nA,One,\nlower,Two,\n", "line 3: ticker: String should match"),
        (b"ticker,name,aliases\nA,,\n", "line 2: name: String should have at least"),
        (b"ticker,name,aliases\nA,\xff\xfe,\n", "not UTF-8"),
    ],
)
def test_a_bad_watchlist_is_refused_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    """Whoever wrote the file must find the line."""
    file = tmp_path / "watch.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as raised:
        EntityLinker.from_settings(WatchlistSettings(file=file))
    assert "watch.csv" in str(raised.value)


def test_a_missing_watchlist_is_refused(tmp_path: Path) -> None:
    """The monitor must not start and watch nothing."""
    with pytest.raises(ConfigurationError, match="cannot read"):
        EntityLinker.from_settings(WatchlistSettings(file=tmp_path / "absent.csv"))
