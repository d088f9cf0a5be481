"""Things put into a text that say nothing: emoji, hashtags, cashtags, and sentences about something else."""

from __future__ import annotations

import random
from collections.abc import Mapping

from models.attacks.attack import WORD, Attack, Attacked, Protected, changed, edited, free_matches, gaps, is_chinese

EMOJI = tuple("📊📌🗞📝🔎📅⏰🏢📣💬👀📎📰📺🗓🏛📁🔗📢🧾")  #: None of them takes sides.

HASHTAGS = ("#stocks", "#markets", "#finance", "#news", "#investing", "#trading", "#business", "#economy", "#equities",
            "#StockMarket", "#fintwit", "#headlines", "#wallstreet", "#companynews")  # fmt: skip
HASHTAGS_ZH = ("#财经#", "#股市#", "#投资#", "#新闻#", "#A股#", "#今日财经#", "#上市公司#")

CONSONANTS, VOWELS = "BCDFGHJKLMNPQRSTVWXZ", "AEIOUY"

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Read more on our website.", "This is not investment advice.", "Sign up for our daily newsletter.",
        "Follow us for more updates.", "Photo by our staff photographer.", "The weather in Lisbon is mild today.",
        "Share this story with a friend.", "This article was first published this morning.", "Click here to subscribe.",
        "Please see our terms of use.", "The town library opens at nine.", "Reporting by our correspondents.",
        "The museum is closed on Mondays.", "Listen to our weekly podcast.", "Data as of market close.",
        "Times are given in local time.", "All figures are in US dollars.", "More to follow.",
        "The train to the airport leaves every hour.", "Opinions are those of the author.",
        "Our app is available for phones and tablets.",
        "The match will be played on Saturday.", "Comments are open below.", "A recipe for lentil soup is on page 12.",
    ),
    "zh": (
        "更多内容请访问本网站\u3002", "本文不构成投资建议\u3002", "欢迎订阅我们的每日简报\u3002", "今天天气多云\u3002",
        "请关注我们的公众号\u3002", "图片由本站摄影师提供\u3002", "市图书馆九点开门\u3002", "本文首发于今天上午\u3002",
        "点击下方链接阅读全文\u3002", "博物馆周一闭馆\u3002", "数据截至收盘\u3002", "编辑整理\u3002",
        "以上为作者个人观点\u3002", "比赛将于周六举行\u3002",
    ),
}  # fmt: skip


def ticker(chance: random.Random) -> str:
    """An invented ticker that can be spoken."""
    return "".join(chance.choice(VOWELS if at % 2 else CONSONANTS) for at in range(chance.randint(3, 5)))


def _emoji(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    free = gaps(text, surfaces)
    places = chance.sample(free, min(len(free), chance.randint(1, 3)))
    return changed(text, edited(text, ((at, at, _set(chance.choice(EMOJI), at)) for at in places)), surfaces)


def _set(emoji: str, at: int) -> str:
    return f" {emoji}" if at else f"{emoji} "


def _hashtags(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    if is_chinese(text):
        return changed(text, f"{text} {' '.join(chance.sample(HASHTAGS_ZH, 2))}", surfaces)
    words = [match for match in free_matches(WORD, text, surfaces) if _is_alone(text, match.start())]
    tagged = chance.sample(words, min(len(words), chance.randint(1, 3)))
    added = chance.sample(HASHTAGS, chance.randint(0 if tagged else 1, 3))
    new = edited(text, ((match.start(), match.start(), "#") for match in tagged))
    return changed(text, " ".join((new, *added)), surfaces)


def _is_alone(text: str, start: int) -> bool:
    return start == 0 or text[start - 1] == " "


def _cashtags(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    tags = " ".join(f"${ticker(chance)}" for _ in range(chance.randint(1, 4)))
    joint = chance.choice((" ", ": ", " - "))
    return changed(text, f"{tags}{joint}{text}" if chance.random() < 3 / 4 else f"{text} {tags}", surfaces)


def _sentences(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    chinese = is_chinese(text)
    other = chance.choice(SENTENCES["zh" if chinese else "en"])
    blank = "" if chinese else " "
    if chance.random() < 1 / 2:
        return changed(text, other + blank + text, surfaces)
    stop = "" if text.endswith((".", "!", "?", "\u3002", "\uff01", "\uff1f")) else other[-1]
    return changed(text, text + stop + blank + other, surfaces)


EMOJI_INSERTED = Attack(name="emoji", apply=_emoji)
HASHTAGGED = Attack(name="hashtags", apply=_hashtags)
CASHTAGGED = Attack(name="cashtags", apply=_cashtags)
SENTENCES_INJECTED = Attack(name="sentences", apply=_sentences)
