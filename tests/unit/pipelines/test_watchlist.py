"""What is watched: the configuration, a CSV file and the shipped list joined; every shipped row is sound."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from monitor.errors import ConfigurationError
from monitor.settings import WatchedEntity, WatchlistSettings
from monitor.settings.sources import WatchGroup
from pipelines.entities import EntityLinker
from pipelines.links import LinkKind
from pipelines.names import Alias, aliases_of
from pipelines.watchlist import read_watchlist, shipped_entities, watched

GROUPS: tuple[WatchGroup, ...] = get_args(WatchGroup)
SHIPPED = shipped_entities(GROUPS)
LINKER = EntityLinker(SHIPPED)


def write(folder: Path, content: str) -> Path:
    """A watchlist file."""
    path = folder / "watch.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_every_column_is_read(tmp_path: Path) -> None:
    """In any order; codes come into one form."""
    path = write(
        tmp_path, "name,ticker,isin,codes,exact,unless,aliases\nKorvane,KRV,US0378331005,SH600519|K.L,yes,a|b,x\n"
    )
    assert read_watchlist(path) == (
        WatchedEntity(ticker="KRV", name="Korvane", aliases=("x",), isin="US0378331005", codes=("600519.SS", "K.L"),
                      exact=True, unless=("a", "b")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "ticker,name,isni\nA,B,\n",
            "line 1: unknown column 'isni'; known: ticker, name, aliases, isin, codes, exact, unless",
        ),
        ("ticker,name,group\nA,B,us\n", "line 1: unknown column 'group'"),
        (
            "ticker,aliases\nA,B\n",
            "line 1: the first line must be `ticker,name,aliases,isin,codes,exact,unless`; all after",
        ),
        (
            "ticker,name,isin\nA,B,US0378331006\n",
            "line 2: isin: the check digit of US0378331006 is wrong: for US037833100 it is 5",
        ),
        ("ticker,name,codes\nA,B,\nC,D,600519|123\n", "line 3: codes.1: not an exchange code: '123'; write it with"),
        ("ticker,name,aliases\nA,B,\u200b\n", "line 2: watchlist: A has an empty alias; leave it out"),
        ("ticker,name,exact\nA,B,perhaps\n", "line 2: exact: write true or false, not 'perhaps'"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_and_remedy(tmp_path: Path, content: str, message: str) -> None:
    """Whoever wrote the file must find the line and know what to write."""
    with pytest.raises(ConfigurationError) as raised:
        read_watchlist(write(tmp_path, content))
    assert message in str(raised.value)
    assert "watch.csv" in str(raised.value)


def test_groups_of_the_shipped_list_are_watched_where_asked_for() -> None:
    """Nothing is watched that nobody asked for."""
    assert watched(WatchlistSettings()) == ()
    tickers = {entity.ticker for entity in watched(WatchlistSettings(shipped=("japan", "central_banks")))}
    assert {"7203.T", "CB-FED", "REG-SEC"} <= tickers
    assert "AAPL" not in tickers


@pytest.mark.parametrize(
    "own",
    [
        WatchedEntity(ticker="AAPL", name="My apple"),
        WatchedEntity(ticker="APC.DE", name="Apple"),
        WatchedEntity(ticker="APC.DE", name="The phone maker", isin="US0378331005"),
        WatchedEntity(ticker="X1", name="The phone maker", aliases=("apple inc",)),
    ],
    ids=["ticker", "name", "isin", "alias"],
)
def test_an_entity_of_the_user_stands_in_for_the_shipped_one(own: WatchedEntity) -> None:
    """It would be counted twice under two tickers otherwise, or not start."""
    entities = watched(WatchlistSettings(entities=(own,), shipped=("us",)))
    assert entities[0] == own
    assert [e.ticker for e in entities if e.isin == "US0378331005" or e.ticker == "AAPL"] in ([own.ticker], [])


def test_the_shipped_list_is_large_and_in_every_group() -> None:
    """Large companies of seven markets, and some forty central banks and regulators."""
    assert len(SHIPPED) > 400
    assert all(len(shipped_entities((group,))) >= 10 for group in GROUPS)
    assert len({entity.ticker for entity in SHIPPED}) == len(SHIPPED)


def test_no_name_of_the_shipped_list_stands_for_two_entities() -> None:
    """One headline would count for both. ISINs and codes are checked when the rows are read."""
    owners: dict[str, set[str]] = {}
    for entity in SHIPPED:
        for alias in aliases_of(entity):
            if alias.ticker:
                owners.setdefault(_key(alias), set()).add(entity.ticker)
    assert {key: tickers for key, tickers in owners.items() if len(tickers) > 1} == {}


def _key(alias: Alias) -> str:
    return alias.text if alias.kind is LinkKind.CODE else alias.text.lower()


def test_every_shipped_entity_is_found_by_its_name() -> None:
    """A name that another one hides, or that no sentence can show, would be dead."""
    for entity in SHIPPED:
        for name in (entity.name, *entity.aliases):
            assert entity.ticker in LINKER.link(f"Why shares of {name} fell today"), (entity.ticker, name)


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("Fed keeps rates; Powell speaks", {"CB-FED"}),
        ("SEC sues exchange", {"REG-SEC"}),
        ("SEC football scores", set()),
        ("price target for chip maker lifted", set()),
        ("Target's new CEO", {"TGT"}),
        ("FedEx ships more", {"FDX"}),
        ("GE HealthCare wins order", {"GEHC"}),
        ("Siemens Energy seeks aid", {"ENR.DE"}),
        ("Hindustan Unilever Q2 net up", {"HINDUNILVR.NS"}),
        ("台積電上調資本支出", {"2330.TW"}),
        ("腾讯音乐发布财报", {"TME"}),
        ("京东方涨停", {"000725.SZ"}),
        ("北京东城区开会，增长和稳定", set()),
        ("欧洲央行维持利率不变", {"CB-ECB"}),
        ("中国平安(601318)涨2%", {"601318.SS"}),
        ("$FB and $GOOG slide", {"META", "GOOGL"}),
        ("トヨタ自動車の株価が下落", {"7203.T"}),
        ("삼성전자 주가 하락", {"005930.KS"}),
        ("ISIN FR0000121014 up", {"MC.PA"}),
    ],
)
def test_the_shipped_list_keeps_out_of_its_traps(text: str, tickers: set[str]) -> None:
    """Names within names and within words; each was found in real or invented text."""
    assert LINKER.link(text) == tickers
