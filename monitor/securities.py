"""Names of securities that are made by rule: ISINs and exchange codes, checked and brought into one form. Pure.

An exchange code is brought into the form `SYMBOL.SUFFIX`: `SH600519`, `600519.SH` and `600519` are `600519.SS`,
`00700.HK` and `HK700` are `0700.HK`, `GOOG.US` stays. The suffixes are those of the exchanges in `SUFFIXES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SUFFIXES = frozenset({
    "US", "SS", "SZ", "BJ", "HK", "TW", "TWO", "T", "KS", "KQ", "NS", "BO", "L", "DE", "F", "PA", "AS", "BR", "MI",
    "MC", "LS", "SW", "ST", "CO", "OL", "HE", "VI", "IR", "WA", "TO", "V", "AX", "NZ", "SI", "SA", "JO",
})  # fmt: skip
"""Suffixes that tell an exchange; US stands for all of the United States."""

#: Other spellings of a suffix.
_SUFFIX: Mapping[str, str] = {"SH": "SS", "XSHG": "SS", "XSHE": "SZ", "O": "US", "OQ": "US", "N": "US", "TYO": "T"}
_IN_FRONT: Mapping[str, str] = {"SH": "SS", "SZ": "SZ", "BJ": "BJ", "HK": "HK"}

_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", re.ASCII)
_CODE = re.compile(r"([A-Z0-9][A-Z0-9\-&]{0,11})\.([A-Z]{1,4})", re.ASCII)
_FRONT_CODE = re.compile(r"(SH|SZ|BJ|HK)[.:]?(\d{1,6})", re.ASCII)
_BARE_CODE = re.compile(r"\d{6}", re.ASCII)
_BASE = 36
_HK_DIGITS = 4


def checked_isin(isin: str) -> str:
    """Return `isin`; raises `ValueError` that says what is wrong, and for a wrong check digit the right one."""
    if not _ISIN.fullmatch(isin):
        raise ValueError("not an ISIN: write two letters, nine letters or digits and a check digit, US0378331005")
    if isin[-1] != (right := check_digit(isin[:-1])):
        raise ValueError(f"the check digit of {isin} is wrong: for {isin[:-1]} it is {right}")
    return isin


def check_digit(body: str) -> str:
    """The last digit of the ISIN whose first eleven characters are `body`."""
    digits = "".join(str(int(char, _BASE)) for char in body)
    doubled = (int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def canonical_code(code: str) -> str:
    """The one form of an exchange code; raises `ValueError` for what is none."""
    if found := canonical_listing(code):
        return found
    raise ValueError(
        f"not an exchange code: {code[:20]!r}; write it with the suffix of its exchange (600519.SS, 0700.HK, GOOG.US), "
        "or a Chinese one as six digits or with SH, SZ or BJ in front"
    )


def canonical_listing(code: str) -> str | None:
    """The one form of an exchange code; None for what is none."""
    if match := _CODE.fullmatch(code):
        suffix = _SUFFIX.get(match[2], match[2])
        return listing(match[1], suffix) if suffix in SUFFIXES else None
    if match := _FRONT_CODE.fullmatch(code):
        return listing(match[2], _IN_FRONT[match[1]])
    return listing(code, _chinese_exchange(code)) if _BARE_CODE.fullmatch(code) else None


def listing(symbol: str, suffix: str) -> str:
    """`symbol` at the exchange of `suffix`; Hong Kong's numbers have at least four digits."""
    if suffix == "HK" and symbol.isdigit():
        symbol = symbol.lstrip("0").rjust(_HK_DIGITS, "0")
    return f"{symbol}.{suffix}"


def _chinese_exchange(code: str) -> str:
    if code[0] in "56" or code.startswith("900"):
        return "SS"
    return "BJ" if code[0] in "489" else "SZ"
