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


LISTED = EntityLinker(
    [
        WatchedEntity(ticker="T", name="AT&T", isin="US00206R1023"),
        WatchedEntity(ticker="AAPL", name="Apple", aliases=("苹果",), unless=("苹果期货", "Apple Valley")),
        WatchedEntity(ticker="ALL", name="Allstate"),
        WatchedEntity(ticker="A", name="Agilent"),
        WatchedEntity(ticker="BRK.B", name="Berkshire Hathaway"),
        WatchedEntity(ticker="GOOGL", name="Alphabet", codes=("GOOG.US",)),
        WatchedEntity(ticker="600519.SS", name="贵州茅台", aliases=("Kweichow Moutai",)),
        WatchedEntity(ticker="PAB", name="平安银行", codes=("000001",)),
        WatchedEntity(ticker="0700.HK", name="騰訊"),
        WatchedEntity(ticker="SAM", name="Samsung", codes=("005930.KS",)),
        WatchedEntity(ticker="TELUS", name="Telus", codes=("T.TO",)),
        WatchedEntity(ticker="KO", name="Coca-Cola"),
        WatchedEntity(ticker="OIL", name="crude oil", aliases=("oil", "Wetter")),
        WatchedEntity(ticker="EX", name="Exakta", exact=True),
        WatchedEntity(ticker="SEBI", name="Securities Board", aliases=("SEBI",)),
        WatchedEntity(ticker="PNG", name="Procter & Gamble", aliases=("P&G Inc.",)),
    ]
)


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("(NYSE: T) and (NASDAQ:AAPL)", {"T", "AAPL"}),
        ("Nasdaq: GOOG, NYSE:BRK.B, NYSE: BRK/B", {"GOOGL", "BRK.B"}),
        ("TSX: T", {"TELUS"}),
        ("$T.TO rises", {"TELUS"}),
        ("LSE: T, unknown: T", set()),
        ("AAPL.O, T.N and BRK.B", {"AAPL", "T"}),
        ("A.N. Other; www.A.N; U.S.A.N", set()),
        ("AAPL US and ALL US Equity", {"AAPL", "ALL"}),
        ("(ALL US)", {"ALL"}),
        ("ALL US stocks; SELL T US STOCKS", set()),
        ("$AAPL/$T; $aapl,$t", {"AAPL", "T"}),
        ("$AAPL.Buy now", {"AAPL"}),
        ("$700 for $T\u20ac\u20acLo, U$D, L$D, $TT", set()),
        ("ISIN US00206R1023", {"T"}),
        ("ISIN US00206R1022, XUS00206R1023", set()),
        ("600519.SH up, SZ000001 down, 00700.HK flat", {"600519.SS", "PAB", "0700.HK"}),
        ("SHA: 600519; HKEX: 700; KRX: 005930", {"600519.SS", "0700.HK", "SAM"}),
        ("700 HK Equity, 0700.HK, HK00700", {"0700.HK"}),
        ("贵州茅台600519涨停", {"600519.SS"}),
        ("买入000001，看好", {"PAB"}),
        ("(600519) and (000001), (005930)", {"600519.SS", "PAB", "SAM"}),
        ("sold 600519 shares for 005930", set()),
        ("成交600519手，1,600519，600519.50元，000001万", set()),
        ("$600519", {"600519.SS"}),
        ("看好$AAPL上涨，NYSE:T下跌", {"AAPL", "T"}),
        ("\u041c\u043e$T, D\u00ed$T", set()),
        ("腾讯与臺灣騰訊", {"0700.HK"}),
        ("苹果期货大涨", set()),
        ("Apple Valley votes", set()),
        ("苹果期货和苹果", {"AAPL"}),
        ("Coca Cola, COCA\u2013COLA", {"KO"}),
        ("Oil falls", {"OIL"}),
        ("OIL INDIA", set()),
        ("exakta and EXAKTA", set()),
        ("Exakta", {"EX"}),
        ("Sebi and SEBI", {"SEBI"}),
        ("sebi", set()),
        ("Procter and Gamble", {"PNG"}),
        ("P&G Inc reports", {"PNG"}),
        ("\u0410pple f\u0430lls", {"AAPL"}),
        ("\uff04AAPL", {"AAPL"}),
        ("Ap\u200dple's phone", {"AAPL"}),
    ],
)
def test_codes_exchanges_and_spellings_are_linked_where_they_are_meant(text: str, tickers: set[str]) -> None:
    """Each line is a way in which real texts write a security, or something that only looks like one."""
    assert LISTED.link(text) == tickers


def test_a_longer_code_hides_the_number_in_it() -> None:
    """One place is one mention."""
    found = LISTED.find("茅台(600519.SH)涨").found
    assert [(link.ticker, link.surface) for link in found] == [("600519.SS", "600519.SH")]


def test_an_ordinary_word_is_a_name_where_the_text_is_about_the_company_anyhow() -> None:
    """The cashtag says so; alone the word would not be enough."""
    linker = EntityLinker([entity("TGT", "Target")])
    assert linker.link("Target date set") == frozenset()
    assert [link.surface for link in linker.find("Target date set", "").found] == []
    assert [link.surface for link in linker.find("Target date set for $TGT").found] == ["Target", "$TGT"]


def test_a_cashtag_of_an_unwatched_ticker_counts_where_the_sender_gave_it() -> None:
    """Its relevance is then told by the text too; a stranger is only counted."""
    links = LISTED.find("$ZZ and $YY", given={"ZZ"})
    assert links.tickers == {"ZZ"}
    assert links.strangers == 1


def test_two_entities_of_one_name_share_the_place() -> None:
    """Share classes: a headline on Alphabet is one mention, not two."""
    assert LINKER.find("Alphabet slips").relevances() == {"GOOG": 0.7071, "GOOGL": 0.7071}


def test_an_alias_of_nothing_is_refused() -> None:
    """It would be found everywhere, or nowhere."""
    with pytest.raises(ConfigurationError, match="watchlist: A has an empty alias; leave it out"):
        EntityLinker([WatchedEntity(ticker="A", name="One", aliases=("\u200b",))])
    with pytest.raises(ConfigurationError, match="watchlist: A has an empty phrase under `unless`"):
        EntityLinker([WatchedEntity(ticker="A", name="One", unless=("\u200b",))])
