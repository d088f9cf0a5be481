"""The guard: who speaks, and how much of what is counted one voice may tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.domain import ALL, AuthorKind, CapReason, Document, Label, Prediction, Probabilities, SourceClass
from monitor.ports import AuthorRecord
from monitor.settings import GuardSettings
from pipelines.guard import Guard, author_digest, domain_of

T0 = datetime(2026, 3, 2, 15, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def label(
    *,
    source_class: SourceClass = SourceClass.SOCIAL,
    author: str | None = "ann",
    url: str | None = None,
    entities: tuple[str, ...] = ("ACME",),
) -> Label:
    """A label; a post of ann on ACME unless told otherwise."""
    document = Document(
        id="d1", source="wire", source_class=source_class, published_at=T0, seen_at=T0, text="words", author=author,
        url=url, entities=entities,
    )  # fmt: skip
    probabilities = Probabilities(negative=0.9, neutral=0.1, positive=0.0)
    prediction = Prediction(topic="Earnings", topic_probability=0.8, probabilities=probabilities, model="m")
    return Label(document=document, prediction=prediction, labeled_at=T0)


def guard(**settings: int) -> Guard:
    """A guard with the default caps, but for `settings`."""
    return Guard(GuardSettings(**settings))


def test_an_author_has_a_cap_a_day_on_each_entity_and_one_over_all() -> None:
    """A bot that complains about nobody, or about somebody else each time, must not move the whole either."""
    found = guard().allowances(label(entities=("ACME", "BETA")))

    assert {entity: allowance.stories for entity, allowance in found.items()} == {"ACME": 3, "BETA": 3, ALL: 30}
    assert {allowance.reason for allowance in found.values()} == {CapReason.AUTHOR}
    assert {allowance.slot_at for allowance in found.values()} == {datetime(2026, 3, 2, tzinfo=UTC)}


def test_a_domain_has_a_cap_an_hour_on_each_entity_and_none_over_all() -> None:
    """A wire speaks of everybody, and tells a thousand stories in its busiest hour."""
    news = label(source_class=SourceClass.NEWS, url="https://www.wire.example/a?b#c")
    [(entity, allowance)] = guard().allowances(news).items()

    assert (entity, allowance.stories, allowance.reason) == ("ACME", 60, CapReason.DOMAIN)
    assert (allowance.voice, allowance.slot_at) == ("domain:wire.example", datetime(2026, 3, 2, 15, tzinfo=UTC))


def test_without_a_link_the_source_is_the_voice() -> None:
    """News without links have a cap as well."""
    [allowance] = guard().allowances(label(source_class=SourceClass.FILING)).values()

    assert allowance.voice == "source:wire"


@pytest.mark.parametrize("author", [None, "", "  "])
def test_a_post_without_an_author_has_no_cap_of_its_own(author: str | None) -> None:
    """Everybody in a source without names would share it."""
    assert guard().allowances(label(author=author)) == {}
    assert guard().author(label(author=author)) is None


def test_a_post_that_lists_many_tickers_is_about_none_of_them() -> None:
    """Its entities may tell nothing; the text as a whole still counts over all."""
    found = guard(post_entities=2).allowances(label(entities=("A", "B", "C")))

    assert {entity: (allowance.stories, allowance.reason) for entity, allowance in found.items()} == {
        "A": (0, CapReason.ENTITIES),
        "B": (0, CapReason.ENTITIES),
        "C": (0, CapReason.ENTITIES),
        ALL: (30, CapReason.AUTHOR),
    }
    assert guard(post_entities=3).allowances(label(entities=("A", "B", "C")))["A"].stories == 3
    news = label(source_class=SourceClass.NEWS, entities=("A", "B", "C"))
    assert guard(post_entities=2).allowances(news)["A"].stories == 60, "a market report names many, and means them"
    assert guard(news_entities=2).allowances(news)["A"].stories == 0


def test_zero_switches_a_cap_off() -> None:
    """Somebody who trusts a source must be able to say so."""
    off = guard(author_stories=0, author_stories_in_all=0, domain_stories=0, post_entities=0, burst_posts=0)
    many = tuple(f"E{n}" for n in range(50))

    assert off.allowances(label(entities=many)) == {}
    assert off.allowances(label(source_class=SourceClass.NEWS, entities=many)) == {}
    assert off.author(label()) is None


def test_authors_are_digests_that_do_not_say_who() -> None:
    """Names of people are not kept longer than the posts that show them; case and blanks make no other person."""
    digest = author_digest(label(author="Ann").document)

    assert digest == author_digest(label(author=" ann ").document) != author_digest(label(author="bob").document)
    assert digest is not None
    assert "ann" not in digest.lower()
    assert author_digest(label(source_class=SourceClass.NEWS, author="Ann").document) is None
    assert guard().allowances(label(author="lone \ud800"))[ALL].voice.startswith("author:")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.Example.com:8443/x", "example.com"),
        ("https://a.b.example.com/x", "example.com"),
        ("https://news.sina.com.cn/x", "sina.com.cn"),
        ("https://bbc.co.uk/x", "bbc.co.uk"),
        ("https://co.uk/x", "co.uk"),
        ("https://example.com./x", "example.com"),
        ("http://192.0.2.7/x", "192.0.2.7"),
        ("http://[2001:db8::1]/x", "2001:db8::1"),
        ("http://localhost/x", "localhost"),
        ("http://[bad", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_voice_is_the_domain_that_somebody_registered(url: str | None, domain: str) -> None:
    """Anybody can make any number of subdomains; a national second level belongs to nobody."""
    assert domain_of(url) == domain


def test_an_author_is_new_for_a_day_and_then_known() -> None:
    """A crowd of fresh accounts looks different from the usual crowd."""
    first, kind = guard().meet(None, T0)
    assert (first, kind) == (AuthorRecord(first_seen_at=T0, last_seen_at=T0, recent=1), AuthorKind.NEW)

    later, kind = guard().meet(first, T0 + timedelta(hours=23))
    assert (kind, later.recent) == (AuthorKind.NEW, 1)

    later, kind = guard().meet(later, T0 + timedelta(hours=24))
    assert (kind, later.first_seen_at) == (AuthorKind.KNOWN, T0)


def test_an_author_bursts_beyond_so_many_posts_within_the_hour() -> None:
    """A script posts more than a person; the next hour counts anew."""
    record: AuthorRecord | None = None
    kinds = []
    for n in range(4):
        record, kind = guard(burst_posts=3).meet(record, T0 + n * MINUTE)
        kinds.append(kind)
    _, after = guard(burst_posts=3).meet(record, T0 + HOUR)

    assert [*kinds, after] == [AuthorKind.NEW] * 3 + [AuthorKind.BURSTING, AuthorKind.NEW]


def test_a_late_post_changes_neither_the_hour_nor_the_last_instant() -> None:
    """Out of order is usual; the count of an hour that is over is gone."""
    record = AuthorRecord(first_seen_at=T0, last_seen_at=T0 + 5 * HOUR, recent=9)
    after, kind = guard(burst_posts=3).meet(record, T0 - HOUR)

    assert after == AuthorRecord(first_seen_at=T0 - HOUR, last_seen_at=T0 + 5 * HOUR, recent=9)
    assert kind is AuthorKind.NEW
