"""Clean text: HTML or plain text in, one line of plain text out.

What leaves is NFC, has no control, surrogate, non-character, direction or other invisible formatting characters, has
single spaces, and is no longer than asked for. Cleaning what is clean changes nothing. Plain text stays plain: `<` and
`&amp;` in it are what the sender wrote.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

MAX_MARKS = 30  #: Combining marks in a row, as in Unicode's stream-safe format; more makes normalising quadratic.
MAX_TAGS = 5000  #: Tags of one text that are parsed: the parser's time grows with the square of the nesting.
MAX_HTML_CHARS = 1_000_000
_SPARE = 4  #: A text is cut to so many times its limit before the costly steps.

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls, less those that are white space
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, direction
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # lone surrogates, non-characters
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17))
    + "\U000e0000-\U000e007f"  # tags: text that a reader cannot see
    "]"
)
_DROPPED_TAGS = ["script", "style", "noscript", "template", "iframe", "object", "svg", "head"]
_BLOCK_TAGS = (
    "address,article,aside,blockquote,br,dd,div,dl,dt,fieldset,figcaption,figure,footer,form,h1,h2,h3,h4,h5,h6,header,"
    "hr,img,li,main,nav,ol,option,p,pre,section,table,td,th,tr,ul"
)
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A clean text."""

    text: str
    cut: bool  #: True when there was more of it.


def clean(text: str, *, limit: int, html: bool = False) -> Cleaned:
    """Clean `text` and cut it to `limit` characters, not inside a character with its marks."""
    cut = False
    if html and ("<" in text or "&" in text):
        text, cut = _strip_html(text)
    spare = text[: limit * _SPARE]
    line = " ".join(_compose(_UNSEEN.sub("", spare)).split())
    if len(line) <= limit:
        return Cleaned(line, cut or len(spare) < len(text))
    return Cleaned(line[: _boundary(line, limit)].rstrip(), cut=True)


def _strip_html(text: str) -> tuple[str, bool]:
    bounded = _bounded(text)
    # The parser takes bytes: a lone surrogate cannot be written as such.
    tree = LexborHTMLParser(bounded.encode("utf-8", "ignore").decode("utf-8"))
    tree.strip_tags(_DROPPED_TAGS)
    for node in tree.css(_BLOCK_TAGS):
        node.insert_before(" ")
        node.insert_after(" ")
    return (tree.body.text() if tree.body else ""), len(bounded) < len(text)


def _bounded(text: str) -> str:
    text = text[:MAX_HTML_CHARS]
    if text.count("<") <= MAX_TAGS:
        return text
    return "<".join(text.split("<", MAX_TAGS)[:MAX_TAGS])


def _compose(text: str) -> str:
    if text.isascii():
        return text
    return _tame_marks(unicodedata.normalize("NFC", _tame_marks(text)))


def _tame_marks(text: str) -> str:
    """Drop what follows `MAX_MARKS` combining marks in a row."""
    kept, run = [], 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _boundary(text: str, limit: int) -> int:
    """The last position up to `limit` at which no mark or joiner holds the two sides together."""
    end = limit
    while end > max(limit - MAX_MARKS, 1) and _holds(text[end - 1], text[end]):
        end -= 1
    return end


def _holds(left: str, right: str) -> bool:
    return left == "\u200d" or right in _JOINERS or unicodedata.combining(right) > 0
