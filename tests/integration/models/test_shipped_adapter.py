"""The shipped adapter on the real encoder."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from models import load_classifier
from models.artifacts import SHIPPED, read_adapter
from models.encoders import E5_SMALL, cache_folder, obtain_encoder
from monitor.domain import TOPICS, Abstention, Mention, Prediction, Sentiment
from monitor.errors import ArtifactError
from monitor.ports import Classifier
from monitor.settings import ClassifierSettings

pytestmark = pytest.mark.model

BAD = (
    "Acme shares plunge 40% after the company admits accounting fraud",
    "Globex cuts its outlook and warns of a loss",
    "Regulator fines Hooli a record sum for misleading investors",
    "Vandelay shares tumble as its chief executive resigns under investigation",
    "Stark Industries slashes its dividend after profit collapses",
    "Wonka hit by a data breach, shares sink",
    "Tyrell downgraded to sell on weak demand",
    "Soylent misses estimates, stock falls 12% in early trading",
)
SOBER = (
    "Initech files for bankruptcy protection after missing a bond payment",
    "Umbrella recalls its best-selling drug after patients die",
)
GOOD = (
    "Acme beats estimates and raises its full-year outlook, shares jump",
    "Globex wins a record order, profit doubles",
)
PLAIN = ("Initech to hold its annual meeting on Thursday",)


OPPOSED = (  # text, good for, bad for
    ("Globex wins the contract that Initech lost", "Globex", "Initech"),
    ("Initech loses its biggest customer to Globex", "Globex", "Initech"),
    ("Analysts upgrade Hooli to buy and cut Vandelay to sell", "Hooli", "Vandelay"),
    ("Stark shares soar as rival Wonka plunges after profit warning", "Stark", "Wonka"),
    ("Tyrell tumbles 12% while Soylent hits a record high", "Soylent", "Tyrell"),
)
CHATTER = (
    "Well played lads, what a match! Beat $C tonight",
    "Grandma's apple pie recipe: bake at 180 degrees until golden",
    "Rain expected all weekend, take an umbrella to the festival",
    "Just finished season three and I am crying, no spoilers please",
)
CHINESE_BAD = (
    "公司因涉嫌财务造假被证监会立案调查，股价跌停",
    "三季度净利润同比下降八成，预计全年亏损",
    "又跌停了，主力跑光了，散户全被套",
    "信用評級遭下調至垃圾級，債券價格急挫",
)
CHINESE_GOOD = (
    "公司中标十亿元大单，全年业绩预增两倍",
    "上半年净利润创历史新高，宣布回购股份",
    "封死涨停，明天继续吃肉，龙头起飞",
    "新藥獲批上市，股價飆升一成",
)
SHIPPED_NAMES = sorted(path.parent.name for path in SHIPPED.glob("*/manifest.json"))


def loaded(name: str) -> Classifier:
    """A shipped adapter, loaded; skips where the encoder cannot be had."""
    try:
        obtain_encoder(read_adapter(name).manifest.base)
    except ArtifactError as err:
        pytest.skip(f"base encoder not to be had: {err}")
    return load_classifier(ClassifierSettings(adapter=name))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """The adapter that the defaults load."""
    return loaded("small")


def sentiments(classifier: Classifier, texts: tuple[str, ...]) -> list[Sentiment]:
    """The most probable sentiments."""
    return [answer.sentiment for answer in classifier.classify(texts) if isinstance(answer, Prediction)]


def test_obvious_headlines_are_understood(classifier: Classifier) -> None:
    """If these fail the monitor is worth nothing, whatever the scores say."""
    assert sentiments(classifier, BAD) == [Sentiment.NEGATIVE] * len(BAD)
    assert sentiments(classifier, GOOD) == [Sentiment.POSITIVE] * len(GOOD)
    assert sentiments(classifier, PLAIN) == [Sentiment.NEUTRAL]


@pytest.mark.parametrize("headline", SOBER)
def test_sober_bad_news_is_understood(classifier: Classifier, headline: str) -> None:
    """Without a word of alarm; an earlier adapter called both neutral."""
    assert sentiments(classifier, (headline,)) == [Sentiment.NEGATIVE]


def test_bad_news_is_never_called_good(classifier: Classifier) -> None:
    """A miss costs a count; a reversal hides the spike."""
    assert Sentiment.POSITIVE not in sentiments(classifier, BAD + SOBER)


def test_topics_are_those_of_the_manifest(classifier: Classifier) -> None:
    """Twenty classes, and an obvious one is found."""
    topics = read_adapter("small").manifest.topics
    assert len(topics) == 20
    [answer] = classifier.classify(["Gold climbs to a record high while silver and copper fall"])
    assert isinstance(answer, Prediction)
    assert answer.topic in topics
    assert answer.topic == "Gold | Metals | Materials"


def test_order_company_and_repetition_change_nothing(classifier: Classifier) -> None:
    """The labels of a document must not depend on the batch it came in."""
    texts = [text for _ in range(6) for text in (*BAD, *GOOD, *PLAIN, " ".join(BAD + GOOD))]
    together = classifier.classify(texts)
    again = classifier.classify(texts)
    assert together == again
    alone = [classifier.classify([text])[0] for text in texts[:7]]
    for one, other in zip(alone, together, strict=False):
        assert isinstance(one, Prediction)
        assert isinstance(other, Prediction)
        assert abs(one.probabilities.negative - other.probabilities.negative) < 1e-2
        assert abs(one.topic_probability - other.topic_probability) < 1e-2


def test_a_link_does_not_change_an_answer(classifier: Classifier) -> None:
    """The same story comes with and without its link."""
    assert classifier.classify([BAD[0]]) == classifier.classify([f"{BAD[0]} https://example.com/a?b=c"])


def test_opposed_entities_get_their_own_sentiment(classifier: Classifier) -> None:
    """One headline, good for one and bad for the other, whichever is named first, by whatever voice."""
    right = 0
    for text, good, bad in OPPOSED:
        [answer] = classifier.classify([text], [[Mention(entity=name, surfaces=(name,)) for name in (good, bad)]])
        assert isinstance(answer, Prediction)
        right += answer.towards(good).probabilities.top is Sentiment.POSITIVE
        right += answer.towards(bad).probabilities.top is Sentiment.NEGATIVE
    assert right >= 0.8 * 2 * len(OPPOSED), f"{right} of {2 * len(OPPOSED)}"


def test_what_is_not_about_finance_is_left_open(classifier: Classifier) -> None:
    """A cashtag in a football cheer is no news of a bank."""
    answers = [answer for answer in classifier.classify(CHATTER) if isinstance(answer, Prediction)]
    assert [answer.abstained for answer in answers].count(Abstention.OFF_TOPIC) >= len(CHATTER) - 1
    told = [answer for answer in classifier.classify(BAD + GOOD) if isinstance(answer, Prediction)]
    assert Abstention.OFF_TOPIC not in {answer.abstained for answer in told}


def test_disguised_letters_change_nothing(classifier: Classifier) -> None:
    """Zero-width characters and Cyrillic look-alikes are folded before the model reads a text."""
    plain = "Acme shares crash after fraud"
    disguised = "Acme sha\u200bres \u0441rash after fr\u0430ud"
    assert classifier.classify([plain]) == classifier.classify([disguised])


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_a_shipped_folder_is_small_and_whole(name: str) -> None:
    """A few megabytes in the repository; the encoder is fetched."""
    manifest = read_adapter(name).manifest
    assert manifest.name == name
    assert sum(path.stat().st_size for path in (SHIPPED / name).iterdir()) < 16_000_000
    assert (SHIPPED / name / "MODEL_CARD.md").read_text(encoding="utf-8").startswith(f"# {manifest.model}")
    assert manifest.topics == TOPICS


def test_the_cached_encoder_is_the_pinned_one(classifier: Classifier) -> None:
    """What was fetched is what the program names."""
    base = read_adapter("small").manifest.base
    assert base == E5_SMALL
    assert sorted(path.name for path in cache_folder(base).iterdir()) == sorted(base.files)


@pytest.mark.shared_data
def test_the_card_tells_the_truth(classifier: Classifier, shared_data: Path) -> None:
    """The accuracy in the manifest is the accuracy that the loaded classifier has."""
    with (shared_data / "sentiment/tweets_valid.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))[::4]
    order = {"0": Sentiment.NEGATIVE, "1": Sentiment.POSITIVE, "2": Sentiment.NEUTRAL}
    answers = classifier.classify([row["text"] for row in rows])
    right = [isinstance(a, Prediction) and a.sentiment is order[r["label"]] for a, r in zip(answers, rows, strict=True)]
    claimed = read_adapter("small").manifest.metrics["tweets_valid.bf16.sentiment.accuracy"]
    assert abs(np.mean(right) - claimed) < 0.03  # a quarter of the rows: two standard errors are 0.028


def test_chinese_is_understood_by_the_multilingual_adapter() -> None:
    """Headlines and posts, simplified and traditional; written before the answers were known."""
    multilingual = loaded("multilingual")
    for texts, wanted in ((CHINESE_BAD, Sentiment.NEGATIVE), (CHINESE_GOOD, Sentiment.POSITIVE)):
        found = sentiments(multilingual, texts)
        assert found.count(wanted) >= len(texts) - 1, dict(zip(texts, found, strict=True))
