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
        ("General Electrics and General fall sharply", {"GIS"}),
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


def surfaces(text: str, *entities: str) -> dict[str, tuple[str, ...]]:
    """The words for each entity."""
    return {mention.entity: mention.surfaces for mention in LINKER.mentions(text, entities)}


@pytest.mark.parametrize(
    ("text", "entities", "expected"),
    [
        ("Apple up, APPLE up, short $aapl", ("AAPL",), {"AAPL": ("$aapl", "Apple", "APPLE")}),
        ("Apple sues AT&T", ("AAPL", "T"), {"AAPL": ("Apple",), "T": ("AT&T",)}),
        ("($T) and $BRK-B", ("BRK.B", "T"), {"BRK.B": ("$BRK-B",), "T": ("$T",)}),
        ("Alphabet slips", ("GOOG", "GOOGL"), {"GOOG": ("Alphabet",), "GOOGL": ("Alphabet",)}),
        ("McDonald\u2019s slips", ("MCD",), {"MCD": ("McDonald\u2019s",)}),
        ("据报道苹果公司下跌", ("AAPL",), {"AAPL": ("苹果",)}),
        ("General Electrics and General fall sharply", ("GIS",), {"GIS": ("General",)}),
    ],
)
def test_a_mention_has_the_words_as_the_text_has_them(
    text: str, entities: tuple[str, ...], expected: dict[str, tuple[str, ...]]
) -> None:
    """The model looks for them in the same text: another spelling would not be found there."""
    assert surfaces(text, *entities) == expected


def test_an_entity_that_the_sender_gave_is_looked_for_by_its_ticker() -> None:
    """The text does not name it by a known name, or nobody watches it."""
    assert surfaces("XYZ and AAPL fall", "AAPL", "XYZ") == {"AAPL": ("$AAPL", "AAPL"), "XYZ": ("$XYZ", "XYZ")}


def test_only_the_entities_of_the_document_are_asked_about() -> None:
    """Labels and counts are about those alone; a text without any costs no search."""
    assert surfaces("Apple sues AT&T", "T") == {"T": ("AT&T",)}
    assert LINKER.mentions("Apple sues AT&T", ()) == ()


def test_words_in_a_link_are_no_mention() -> None:
    """Links are not read, and the model does not see them."""
    assert surfaces("https://example.org/apple?x=$T", "AAPL") == {"AAPL": ("$AAPL", "AAPL")}
