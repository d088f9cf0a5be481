"""Cut off what wires and copiers put before and behind a text: one line in, the same without it out.

Only what is known by its form is cut, and only at the ends: a word such as "update" in a sentence stays. The text is
expected with compatibility forms and traditional characters folded already, and without links.
"""

from __future__ import annotations

import re

_AGENCY = (
    r"(?:Thomson )?Reuters|REUTERS|Bloomberg(?: News)?|Dow Jones(?: Newswires)?|DJ|AP|AFP|UPI|Xinhua|CNBC|RTTNews|"
    r"MT Newswires|Benzinga|PR ?Newswire|BUSINESS WIRE|Business Wire|GLOBE NEWSWIRE|GlobeNewswire|Accesswire|"
    r"路透社?|彭博社?|新华社|财联社|中新社|法新社|美联社|证券时报|上证报|中证网"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_SLUG = (
    r"BREAKING(?: NEWS)?|NEWS ALERT|JUST IN|EXCLUSIVE|URGENT|FLASH|ALERT|DEVELOPING|UPDATED?|CORRECT(?:ED|ION)|REFILE|"
    r"REPEAT|RPT|WRAPUP|BRIEF|PRESS DIGEST|INSTANT VIEW|HEADLINE|ICYMI|NEWS|BUZZ"
)
_SLUG_CHINESE = (
    r"快讯|突发|独家|更新|更正|最新|要闻|速递|消息|财经快讯|最新消息|重磅|财联社电报|"
    r"公告速递|公司快讯|盘中快讯"
)

_LEADS = re.compile(
    r"(?:"
    r"\W{0,4}\b(?:RT|MT|via)\s+@\w+\s*:?\s*"
    # UPDATE 1-, CORRECTED-UPDATE 2-, Breaking news: , [EXCLUSIVE], #BREAKING
    rf"|[^\w$€£@+\-]*(?i:{_SLUG})(?:\s*\d{{1,2}}|\s*\(\w+\))?\s*(?:[:\-|\])*!/]|--)+\s*"
    r"|[^\w$€£@+\-]*BREAKING(?: NEWS)?\s+"
    rf"|[\s\[【(]*(?:{_SLUG_CHINESE})\s*[\])】:|,!\-]+\s*"
    # NEW YORK, Nov 3 (Reuters) - ; LONDON--(BUSINESS WIRE)-- ; /PRNewswire/ --
    r"|(?:[A-Z][A-Z.'/ ]{1,30}(?:,\s?[A-Z][A-Za-z. ]{1,20})?[,\s\-]+)?"
    rf"(?:{_MONTH}\s\d{{1,2}},?\s*(?:\d{{4}},?\s*)?)?"
    rf"[(/\[【](?:{_AGENCY})[)/\]】]\s*(?:[:\-|,]+\s*)?"
    rf"|(?:{_AGENCY})\s*(?::|\s-+|\|)\s+"
    # 财联社11月3日电, ; 证券时报网讯, ; 据路透报道,
    r"|[一-鿿]{2,8}\s*\d{1,2}月\d{1,2}日\s*(?:电|讯|消息|报道)[\s,:(\-]+"
    rf"|据?(?:{_AGENCY}|[一-鿿]{{2,4}}(?:社|网|报))(?:讯|消息|报道|快讯)[\s,:]+"
    r")"
)

_TAILS = re.compile(
    r"(?:"
    r"\s*[(\[]?\b(?:via|by|from|cc|h/t|HT)\s+@\w+[)\]]?"
    rf"|\s+(?:-+|\||via)\s*(?:{_AGENCY}|WSJ|FT|MarketWatch|Yahoo Finance|Seeking Alpha|Barron's|CNN|BBC|Forbes)"
    r"(?:\.com)?"
    rf"|\s*\((?:来源:?\s*)?(?:{_AGENCY})\)"
    r"|\s*[\[(]?(?i:read more|read the full story|continue reading|full story|more here|click here|see more)"
    r"[\])]?\s*[:.>»→]*"
    r"|\s*[\[(]more[\])]"
    r"|\s*[(\[]?来源\s*:\s*\w{2,10}[)\]]?"
    r"|\s*[\[(]?(?:阅读全文|查看更多|点击查看|详情请?点击|更多详情|查看全文)[\])]?"
    # A cut end, and a link of which little is left.
    r"|\s*(?:\bh(?:t(?:tp?s?:?/?/?)?)?)?\s*[\[(]?(?:\.\.\.+)[\])]?|\s+\bhttps?:?/*"
    r"|[\s\-|:>.]+"
    r")$"
)
_LEADING_NAMES = re.compile(r"\s*+(?:@\w++[\s,:]++)++(?=.*\$[A-Za-z])", re.DOTALL)
# One of these is in every tail worth cutting: far cheaper to look for than the tails themselves.
_SIGNS_OF_TAIL = ("..", "@", ")", "]", "http", " - ", "--", "|", "ore", "tory", "ading", "来源", "全文", "更多", "点击")
_TAIL_CHARS = 50
_MAX_CUTS = 6  #: At each end; a copy of a copy of a copy.


def bare(line: str) -> str:
    """`line` without what stands before and behind the news."""
    for _ in range(_MAX_CUTS):
        lead = _LEADS.match(line) or _LEADING_NAMES.match(line)
        if lead is None or not lead.end():
            break
        line = line[lead.end() :]
    return _without_tail(line)


def _without_tail(line: str) -> str:
    for _ in range(_MAX_CUTS):
        end = line[-_TAIL_CHARS:]
        if not any(sign in end for sign in _SIGNS_OF_TAIL):
            break
        tail = _TAILS.search(end)
        if tail is None or tail.start() == len(end):
            break
        line = line[: len(line) - len(end) + tail.start()]
    return line
