"""Find securities by tags and exchange codes: folded text in, places and tickers out.

Cashtags (`$AAPL`, any case, not inside a word: `BE$T` is not `$T`), an exchange before a symbol (`NYSE: T`,
`HKEX: 700`) and bare Chinese, Korean and Hong Kong numbers are found here; what a code looks like otherwise (`AAPL.O`,
`AAPL US`, `600519.SH`, `SZ000001`) is spelt out by `written_forms` and found like a name. `TSX: T` is another company
than `NYSE: T`: a symbol of an exchange outside the United States counts only where that code is listed. A bare number
stands in brackets or among Chinese, Japanese or Korean characters, and counts nothing. A cashtag of digits is one only
where it is listed as a code and is no likely price: `$700` never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from monitor.securities import canonical_code, canonical_listing, listing
from monitor.settings import WatchedEntity
from pipelines.links import LinkKind

Place = tuple[int, int, str, LinkKind]  #: Start, end, ticker, kind.

#: Exchanges as they are written before a symbol, with their suffix.
EXCHANGES: Mapping[str, str] = {
    name: suffix
    for suffix, names in {
        "US": "NYSE NASDAQ NASDAQGS NASDAQGM NASDAQCM AMEX AMERICAN ARCA NYSEAMERICAN NYSEARCA NYSEMKT CBOE OTC OTCQX "
        "OTCQB OTCPK OTCMKTS",
        "SS": "SSE SHSE SHA SH XSHG",
        "SZ": "SZSE SHE SZ XSHE",
        "BJ": "BJSE BJ",
        "HK": "HKEX SEHK HKG HKSE HK XHKG",
        "T": "TYO TSE TOKYO",
        "KS": "KRX KOSPI KSE",
        "KQ": "KOSDAQ",
        "TW": "TWSE TPE",
        "NS": "NSE",
        "BO": "BSE BOM",
        "L": "LSE LON",
        "DE": "ETR XETRA FWB FRA",
        "PA": "EPA",
        "AS": "AMS",
        "BR": "EBR",
        "MI": "BIT",
        "MC": "BME",
        "SW": "SWX SIX",
        "ST": "STO",
        "CO": "CPH",
        "OL": "OSE",
        "HE": "HEL",
        "TO": "TSX",
        "V": "TSXV CVE",
        "AX": "ASX",
    }.items()
    for name in names.split()
}
#: Country codes of terminals (`AAPL US`), by suffix.
_COUNTRIES: Mapping[str, tuple[str, ...]] = {
    "US": ("US",), "HK": ("HK",), "SS": ("CH",), "SZ": ("CH",), "T": ("JP", "JT"), "KS": ("KS",), "KQ": ("KQ",),
    "TW": ("TT",), "L": ("LN",), "DE": ("GR", "GY"), "PA": ("FP",), "AS": ("NA",), "SW": ("SW",), "AX": ("AU",),
}  # fmt: skip
#: Other spellings of a suffix.
_SUFFIXES: Mapping[str, tuple[str, ...]] = {"US": ("US", "O", "OQ", "N"), "SS": ("SS", "SH")}
_FRONT: Mapping[str, str] = {"SS": "SH", "SZ": "SZ", "BJ": "BJ", "HK": "HK"}
_HK_DIGITS = 5

# A letter or digit of a script with spaces: a code may stand between Chinese characters.
_IN_WORD = r"[^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_CASHTAG = re.compile(
    rf"(?<!{_IN_WORD})(?<!\$)\$([A-Za-z0-9]{{1,15}}(?:[.\-][A-Za-z]{{1,3}})?)(?!{_IN_WORD}|[\u20ac\u00a3\u00a5])"
)
_EXCHANGE = re.compile(
    rf"(?<!{_IN_WORD})([A-Z]{{2,12}}|Nasdaq|NasdaqG[SM]|Xetra|Tokyo|American|Arca)\s?[:\uff1a]\s?"
    rf"([A-Z0-9]{{1,10}}(?:[.\-/][A-Z]{{1,2}})?)(?!{_IN_WORD})"
)
_NUMBER = re.compile(rf"(?<!{_IN_WORD})(?<![.,$\u00a5\u20ac\u00a3+\-])([0-9]{{5,6}})(?![.,]?[0-9]|%|{_IN_WORD})")
# Ten thousand, a hundred million, thousand, hundred, yuan, shares, lots, points, tons, people ...; won, yen, shares.
_UNIT = re.compile(
    r"\s?[\u4e07\u4ebf\u5343\u767e\u5143\u80a1\u624b\u70b9\u5428\u4eba\u8f86\u500d\u540d\u5bb6\u53f0\u4e2a\u4ef6\u6b21"
    r"\uc6d0\uc8fc\u5186\u682a]"
)
_UNSPACED = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_LEAST_TAG_DIGITS = 5


class Notations:
    """The tags and codes of watched entities."""

    def __init__(self, entities: Sequence[WatchedEntity]) -> None:
        self._tags = {_class_folded(e.ticker): e.ticker for e in entities if not e.ticker.isdigit()}
        self._listed = {code: entity.ticker for entity in entities for code in codes(entity)}
        for code, ticker in self._listed.items():
            if code.endswith(".US"):
                self._tags.setdefault(_class_folded(code[:-3]), ticker)
        self._numbers = {n: ticker for code, ticker in self._listed.items() for n in _bare(code)}

    def cashtags(self, text: str, given: Iterable[str] = ()) -> Iterator[tuple[int, int, str | None]]:
        """Every cashtag of `text`; its ticker is None where nobody watches it and it is none of `given`."""
        others = {_class_folded(ticker): ticker for ticker in given}
        for match in _CASHTAG.finditer(text):
            tag = _class_folded(match[1].upper())
            if not tag.isdigit():
                yield match.start(), match.end(), self._tagged(match[1], tag) or others.get(tag)
            elif tag in self._numbers and len(tag) >= _LEAST_TAG_DIGITS:
                yield match.start(), match.end(), self._numbers[tag]

    def listed(self, text: str) -> Iterator[Place]:
        """Symbols behind the name of their exchange, and bare numbers."""
        if ":" in text or "\uff1a" in text:
            for match in _EXCHANGE.finditer(text):
                if ticker := self._at_exchange(match[1].upper(), match[2]):
                    yield match.start(2), match.end(2), ticker, LinkKind.CODE
        if self._numbers:
            for match in _NUMBER.finditer(text):
                if (number := self._numbers.get(match[1])) and _is_code(text, match.start(), match.end()):
                    yield match.start(), match.end(), number, LinkKind.CODE

    def _tagged(self, written: str, tag: str) -> str | None:
        symbol, dot, _ = tag.partition(".")
        if tag in self._tags or not dot:
            return self._tags.get(tag)
        # `$T.TO` is listed in Toronto and no `$T`; `$AAPL.now` lacks a space.
        abroad = canonical_listing(tag) if written.isupper() and "." in written else None
        return self._tags.get(symbol) if abroad is None or abroad.endswith(".US") else self._listed.get(abroad)

    def _at_exchange(self, exchange: str, symbol: str) -> str | None:
        suffix = EXCHANGES.get(exchange)
        if suffix == "US":
            return self._tags.get(_class_folded(symbol)) or self._listed.get(f"{symbol}.US")
        return self._listed.get(listing(symbol, suffix)) if suffix else None


def codes(entity: WatchedEntity) -> Iterator[str]:
    """The exchange codes of an entity in their one form; a ticker with the suffix of an exchange is one too."""
    yield from (canonical_code(code) for code in entity.codes)
    if "." in entity.ticker and (code := canonical_listing(entity.ticker)) and not code.endswith(".US"):
        yield code


def written_forms(entity: WatchedEntity) -> Iterator[str]:
    """How the codes of an entity are written in text, but for cashtags and what needs a look around."""
    if not entity.ticker.isdigit() and "." not in entity.ticker:
        yield from _forms(entity.ticker, "US")
    for code in codes(entity):
        symbol, _, suffix = code.rpartition(".")
        yield from _forms(symbol, suffix)


def _forms(symbol: str, suffix: str) -> Iterator[str]:
    spelt = {symbol, symbol.lstrip("0"), symbol.zfill(_HK_DIGITS)} if suffix == "HK" and symbol.isdigit() else {symbol}
    for each in sorted(spelt):
        yield from (f"{each}.{end}" for end in _SUFFIXES.get(suffix, (suffix,)))
        yield from (f"{each} {country}" for country in _COUNTRIES.get(suffix, ()))
        if front := _FRONT.get(suffix):
            yield from (f"{front}{each}", f"{front}.{each}")


def _bare(code: str) -> Iterator[str]:
    symbol, _, suffix = code.rpartition(".")
    if symbol.isdigit() and suffix in {"SS", "SZ", "BJ", "KS", "KQ"}:
        yield symbol
    elif symbol.isdigit() and suffix == "HK":
        yield symbol.zfill(_HK_DIGITS)


def _is_code(text: str, start: int, end: int) -> bool:
    """True where a number of a text is a code rather than a quantity."""
    before, after = text[:start].rstrip()[-1:], text[end:].lstrip()[:1]
    if before in set("(\uff08[\u3010") and after in set(")\uff09]\u3011,\uff0c"):
        return True
    return not _UNIT.match(text, end) and bool(_UNSPACED.match(before) or _UNSPACED.match(after))


def _class_folded(ticker: str) -> str:
    return ticker.replace("-", ".").replace("/", ".")
