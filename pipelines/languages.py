"""The language of a text: text and the sender's own tag in, BCP 47 primary tag out. Pure.

The script decides where it can; a tag that fits the script is believed. Only in Latin script it may be wrong: senders'
tags are often guesses, at their worst on texts of few words. A text of too few words (`$TSLA to the moon`) is taken for
the default language, one with English function words or that py3langid takes for English is English whatever the tag
says. Without a tag py3langid is asked among European languages, and must be sure: what it takes for another language
is not scored at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

DEFAULT = "en"
LOOKED_AT = 600  #: Characters; a language shows early.
LEAST_WORDS = 3
LEAST_FUNCTION_WORDS = 2
SURE = 0.85  #: Of 23,675 tweets and headlines from English sets 38 are called something else, as far as read rightly.

#: Languages of Latin script that are told apart.
EUROPEAN = (
    "ca", "cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv", "nl", "no", "pl", "pt",
    "ro", "sk", "sl", "sv", "tr", "vi",
)  # fmt: skip

_LATIN = "latin"
# A script, the characters that show it, and how many Latin letters one of them weighs: a Chinese word has two.
_SCRIPTS: Mapping[str, tuple[re.Pattern[str], int]] = {
    name: (re.compile(f"[{ranges}]"), weight)
    for name, ranges, weight in (
        (_LATIN, "A-Za-z\u00c0-\u024f\u1e00-\u1eff", 1),
        ("kana", "\u3041-\u30ff\uff66-\uff9f", 3),
        ("han", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff", 3),
        ("hangul", "\u1100-\u11ff\uac00-\ud7af", 3),
        ("cyrillic", "\u0400-\u052f", 1),
        ("greek", "\u0370-\u03ff\u1f00-\u1fff", 1),
        ("arabic", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe", 1),
        ("hebrew", "\u0590-\u05ff", 1),
        ("devanagari", "\u0900-\u097f", 1),
        ("thai", "\u0e00-\u0e7f", 1),
    )
}
#: By script, its languages; the first is taken where the sender says none of them.
_LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "han": ("zh",),
    "kana": ("ja",),
    "hangul": ("ko",),
    "cyrillic": ("ru", "be", "bg", "kk", "ky", "mk", "mn", "sr", "tg", "uk"),
    "greek": ("el",),
    "arabic": ("ar", "fa", "ps", "ug", "ur"),
    "hebrew": ("he", "yi"),
    "devanagari": ("hi", "mr", "ne", "sa"),
    "thai": ("th",),
}
_NOT_LATIN = frozenset(tag for tags in _LANGUAGES.values() for tag in tags) - {"sr", "kk"}  # written in two scripts
_SAME: Mapping[str, str] = {"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no", "iw": "he", "in": "id"}
_SAYS_NOTHING = frozenset({"und", "mul", "zxx", "mis"})

#: Words that no other European language has, or hardly.
_ENGLISH = frozenset({
    "the", "and", "with", "that", "this", "from", "after", "its", "will", "their", "would", "have", "been", "about",
    "which", "into", "than", "because", "they", "what", "when", "you", "your", "our", "are", "says", "said",
})  # fmt: skip
_NOT_WORDS = re.compile(r"(?:https?://|www\.)\S+|[$#@]\w+|\b\w*\d\w*\b")
_WORD = re.compile(r"[^\W\d_]{2,}")
_TICKER_CHARS = 5


def detect(text: str, given: str | None = None, *, default: str = DEFAULT) -> str:
    """Primary tag of the language of `text`; `given` is the sender's tag, `default` what a text without words has."""
    start = text[:LOOKED_AT]
    if start.isascii():
        return _of_latin(start, primary(given), default)
    script = _script(start)
    tag = primary(given)
    if script is None:
        return default
    if script == _LATIN:
        return _of_latin(start, tag, default)
    return tag if tag in _LANGUAGES[script] else _LANGUAGES[script][0]


def primary(tag: str | None) -> str:
    """`zh` of `zh-Hant-TW`; empty where a tag says nothing."""
    first = re.split(r"[-_]", (tag or "").strip().lower(), maxsplit=1)[0]
    return "" if first in _SAYS_NOTHING else _SAME.get(first, first)


def _script(text: str) -> str | None:
    """The script that most of `text` is in; Chinese characters beside kana are Japanese."""
    weights = {name: weight * len(found.findall(text)) for name, (found, weight) in _SCRIPTS.items()}
    if weights["kana"]:
        weights["kana"] += weights.pop("han")
    best = max(weights, key=lambda name: weights[name])
    return best if weights[best] else None


def _of_latin(text: str, tag: str, default: str) -> str:
    plain = _NOT_WORDS.sub(" ", text)
    words = list(_words(plain))
    if len(words) < LEAST_WORDS:
        return default
    if len(_ENGLISH.intersection(words)) >= LEAST_FUNCTION_WORDS:
        return "en"
    if tag == default and tag not in _NOT_LATIN:
        return tag
    language, probability = _identifier().classify(plain)
    if tag and tag not in _NOT_LATIN:
        return tag if language != "en" else "en"
    return str(language) if probability >= SURE else default


def _words(plain: str) -> Iterator[str]:
    """The words of `plain` in lower case, but for tickers: short words in capitals among others that are not."""
    shouted = plain.isupper()
    for word in _WORD.findall(plain):
        if shouted or not (word.isupper() and len(word) <= _TICKER_CHARS):
            yield word.lower()


@cache
def _identifier() -> LanguageIdentifier:
    """Loaded once, when first needed: half a second and 55 MB, once what is known of other languages is let go."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(EUROPEAN)
    return LanguageIdentifier(
        identifier.nb_ptc, identifier.nb_pc, identifier.nb_classes, identifier.tk_nextmove, identifier.tk_output,
        norm_probs=True, tk_row=identifier.tk_row,
    )  # fmt: skip
