"""ISINs and exchange codes are checked, and brought into one form."""

from __future__ import annotations

import pytest

from monitor.securities import canonical_code, check_digit, checked_isin


@pytest.mark.parametrize(
    "isin",
    ["US0378331005", "US5949181045", "CNE0000018R8", "KYG875721634", "NL00150001Q9", "GB00BP6MXD84", "JP3633400001"],
)
def test_a_right_isin_passes(isin: str) -> None:
    """Letters count as two digits each, in any place of the body."""
    assert checked_isin(isin) == isin


@pytest.mark.parametrize("right", ["US0378331005", "CNE0000018R8"])
def test_a_wrong_check_digit_is_refused_with_the_right_one(right: str) -> None:
    """A slip of the pen can be mended without looking it up; every other digit is refused."""
    for digit in set("0123456789") - {right[-1]}:
        with pytest.raises(ValueError, match=f"for {right[:-1]} it is {right[-1]}"):
            checked_isin(right[:-1] + digit)
    assert check_digit(right[:-1]) == right[-1]


@pytest.mark.parametrize("isin", ["", "US037833100", "us0378331005", "US03783310055", "1S0378331005", "US037833100X"])
def test_what_has_not_the_form_of_an_isin_is_refused(isin: str) -> None:
    """The message shows the form."""
    with pytest.raises(ValueError, match="not an ISIN: write two letters"):
        checked_isin(isin)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("600519", "600519.SS"),
        ("SH600519", "600519.SS"),
        ("600519.SH", "600519.SS"),
        ("000001", "000001.SZ"),
        ("SZ.000001", "000001.SZ"),
        ("300750", "300750.SZ"),
        ("830799", "830799.BJ"),
        ("700.HK", "0700.HK"),
        ("00700.HK", "0700.HK"),
        ("HK00700", "0700.HK"),
        ("09988.HK", "9988.HK"),
        ("005930.KS", "005930.KS"),
        ("GOOG.US", "GOOG.US"),
        ("GOOG.O", "GOOG.US"),
        ("M&M.NS", "M&M.NS"),
        ("RDS-B.US", "RDS-B.US"),
    ],
)
def test_the_spellings_of_a_code_have_one_form(written: str, code: str) -> None:
    """So that `SH600519` in a text meets `600519.SS` in a list."""
    assert canonical_code(written) == code
    assert canonical_code(code) == code


@pytest.mark.parametrize("written", ["", "AAPL", "12345", "600519.XX", "GOOG US", "goog.us"])
def test_what_is_no_code_is_refused_with_how_to_write_it(written: str) -> None:
    """A code that would never be found must not be taken silently."""
    with pytest.raises(ValueError, match="write it with the suffix of its exchange"):
        canonical_code(written)
