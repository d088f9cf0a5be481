"""Words by which news differ, and words that name nobody; all in lower case, Chinese by the character.

Lists, kept by hand. A text in ordinary case shows its names by capitals; one in capitals, headline case or small
letters does not, and Chinese never does: there, what is not listed as ordinary may be a name. A word that is a large
company's name (target, shell) is not listed.
"""

from __future__ import annotations

from importlib.resources import files

# A change from one row to the other turns the news round.
_UP = (
    "up rise rose gain jump jumped surge soar climb rally rallied advance higher high above increase increased "
    "grow grew growth rebound top topped beat exceed raise raised lift boost hike upgrade upgraded upside best "
    "strong stronger strength improve bullish buy bought buyer long call overweight outperform accumulate "
    "profit positive overbought win won approve accept gainer better bull "
    "涨 升 增 盈 买 多 高 超 优 胜 强 扬 红 上 好 入 扩"
)
_DOWN = (
    "down fall fell drop dropped slide slid slip slipped tumble plunge sink sank decline lower low below "
    "decrease decreased shrink shrank downturn miss missed cut trim trimmed lowered reduce slash downgrade "
    "downgraded downside worst weak weaker weakness worsen bearish sell sold seller short put underweight "
    "underperform loss lose lost negative oversold reject deny worse loser bear "
    "跌 降 减 亏 卖 空 低 逊 劣 败 弱 挫 绿 下 坏 出 缩"
)
_NEGATIONS = "not no never without deny denies denied cannot wont didnt doesnt isnt 不 未 无 否 没 非"
_COUNTS = (
    "one two three four five six seven eight nine ten first second third fourth half double triple quarter "
    "january february march april june july august september october november december monday tuesday "
    "wednesday thursday friday saturday sunday today yesterday tomorrow million billion trillion hold neutral "
    "零 一 二 两 三 四 五 六 七 八 九 十 百 千 万 亿 甲 乙 丙 丁 首 前 后"
)
_TRADES = (
    "airlines airways aerospace auto automotive bank bancorp banking beverages biosciences biotech brands "
    "broadcasting capital cement chemical chemicals communications construction credit defence defense digital "
    "electric electronics energy engineering entertainment estate finance financial foods gaming gas gold "
    "healthcare health holdings hotels industries insurance international investments labs land life logistics "
    "marine materials media medical metals mining mobile motor motors networks oil packaging paper partners "
    "petroleum pharma pharmaceuticals plastics power properties rail railways realty resources restaurants "
    "retail robotics securities semiconductor semiconductors services shipping software solar solutions steel "
    "stores systems technologies technology telecom textiles therapeutics tires tobacco transport travel trust "
    "utilities ventures water wireless "
)
_ENDINGS = ("", "s", "es", "d", "ed", "ing", "er", "ers", "ly", "al", "n")
_SHORTEST_BENT = 3  #: Letters of the shortest word that is bent.


def _listed(name: str) -> list[str]:
    return (files(__package__) / name).read_text("utf-8").split()


def _forms(word: str) -> list[str]:
    """A word as it is bent, roughly: forms that are no words do no harm."""
    if not word.isascii() or len(word) < _SHORTEST_BENT:
        return [word]
    forms = [word + end for end in _ENDINGS]
    if word.endswith("e"):
        forms += [word[:-1] + end for end in ("ing", "al", "ation", "ion")]
    if word.endswith("y"):
        forms += [word[:-1] + end for end in ("ies", "ied", "ier")]
    if word[-1] in "bdgklmnprt":
        forms += [word + word[-1] + end for end in ("ed", "ing", "er")]
    return forms


SIDES: dict[str, int] = {
    form: side for side, words in enumerate((_UP, _DOWN)) for word in words.split() for form in _forms(word)
}
"""Word to the side on which it stands."""

NEGATIONS: frozenset[str] = frozenset(_NEGATIONS.split())
"""Words that deny."""

COUNTS: frozenset[str] = frozenset(_COUNTS.split())
"""Words that count, order or date: another one is another fact."""

TRADES: frozenset[str] = frozenset(_TRADES.split())
"""Words that stand in companies' names behind the first: beside another they tell apart two firms of one name."""

LEGAL_FORMS: dict[str, str] = {
    "corp": "corp", "corporation": "corp", "inc": "inc", "incorporated": "inc", "ltd": "ltd", "limited": "ltd",
    "plc": "plc", "llc": "llc", "ag": "ag", "nv": "nv", "gmbh": "gmbh",
}  # fmt: skip
"""Legal form as written to the form that it is: a copier leaves it out, and does not exchange it."""

EVERYDAY: frozenset[str] = frozenset(
    [*SIDES, *NEGATIONS, *COUNTS, *(form for word in _listed("everyday_words.txt") for form in _forms(word))]
)
"""Words, as they are bent, that name nobody."""

EVERYDAY_CHINESE: frozenset[str] = frozenset(_listed("everyday_words_chinese.txt"))
"""Chinese words that name nobody."""
