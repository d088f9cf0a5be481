"""The guard: how much of what is counted one voice may tell. Pure.

A voice is the author of a post, or the domain of a link to news or a filing; without a link it is the source. A post
without an author has no voice: whoever runs the monitor chose the source, and everybody in it would share one cap.

Caps hold the stories that a voice tells of one entity within a slot of event time, so that the same documents give the
same counts whenever they come. A document that tells nothing new uses up nothing. What is held back is not told:
another voice that tells it later counts. One document that lists many tickers is about none of them.

`ALL` is no sum of the entities: the text as a whole counts there, so it has a cap of its own, for authors alone.
Anybody can become an author, and a thousand different complaints of one account that name nobody, or each somebody
else, must not look like a market in trouble. Domains have none: they were chosen, and a wire or a register of filings
that speaks of everybody does tell a thousand stories in its busiest hour.

Authors are known by a digest alone. For a day after the first start everybody is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from urllib.parse import urlsplit

from monitor.domain import ALL, AuthorKind, CapReason, Document, Label, SourceClass, floor_to
from monitor.ports import Allowance, AuthorRecord
from monitor.settings import GuardSettings

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEW_FOR = DAY  #: So long an author is new.

SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "go", "gov", "govt", "ne", "net", "nom", "or", "org"})
"""Under a country these stand for the country: `sina.com.cn` is a domain, `com.cn` is none."""

_KEY = b"tapewatch.authors"


class Guard:
    """A `monitor.ports.Guard` as configured."""

    def __init__(self, settings: GuardSettings) -> None:
        self._settings = settings

    def allowances(self, label: Label) -> Mapping[str, Allowance]:
        """By entity, `ALL` included; an entity that is left out is not capped."""
        document = label.document
        is_post = document.source_class is SourceClass.SOCIAL
        most = self._settings.post_entities if is_post else self._settings.news_entities
        found = self._of_author(document) if is_post else self._of_domain(document)
        if most and len(set(document.entities)) > most:
            found |= {entity: _refusal(document, entity) for entity in document.entities}
        return found

    def author(self, label: Label) -> str | None:
        """The digest of who posted it; None where nobody is followed."""
        return author_digest(label.document) if self._settings.burst_posts else None

    def meet(self, known: AuthorRecord | None, at: datetime) -> tuple[AuthorRecord, AuthorKind]:
        """What is known of an author after a post at `at`, and what he was with it.

        A late post, of an hour before the latest, bursts nothing: the count of its hour is gone.
        """
        record = _after(known, at)
        in_latest_hour = floor_to(at, HOUR) == floor_to(record.last_seen_at, HOUR)
        if in_latest_hour and record.recent > self._settings.burst_posts:
            return record, AuthorKind.BURSTING
        is_new = at - record.first_seen_at < NEW_FOR
        return record, AuthorKind.NEW if is_new else AuthorKind.KNOWN

    def _of_author(self, document: Document) -> dict[str, Allowance]:
        digest = author_digest(document)
        if digest is None:
            return {}
        slot_at, settings = floor_to(document.published_at, DAY), self._settings
        caps = dict.fromkeys(document.entities, settings.author_stories) | {ALL: settings.author_stories_in_all}
        return {
            entity: Allowance(
                voice=f"author:{digest}", entity=entity, slot_at=slot_at, stories=cap, reason=CapReason.AUTHOR
            )
            for entity, cap in caps.items()
            if cap
        }

    def _of_domain(self, document: Document) -> dict[str, Allowance]:
        cap = self._settings.domain_stories
        if not cap:
            return {}
        domain = domain_of(document.url)
        voice = f"domain:{domain}" if domain else f"source:{document.source}"
        slot_at = floor_to(document.published_at, HOUR)
        return {
            entity: Allowance(voice=voice, entity=entity, slot_at=slot_at, stories=cap, reason=CapReason.DOMAIN)
            for entity in document.entities
        }


def author_digest(document: Document) -> str | None:
    """Who wrote a post, as a digest of source class and author; None where nobody is named, or it is no post."""
    author = (document.author or "").strip()
    return digest_of(author) if author and document.source_class is SourceClass.SOCIAL else None


def digest_of(author: str) -> str:
    """The digest of whoever posts under that name."""
    named = f"{SourceClass.SOCIAL.value}\0{author.strip().casefold()}".encode("utf-8", "replace")
    return blake2b(named, key=_KEY, digest_size=16).hexdigest()


def domain_of(url: str | None) -> str:
    """The domain that whoever owns `url` has registered; empty where there is no name.

    Subdomains belong to the same owner, who can make any number of them.
    """
    try:
        host = (urlsplit(url or "").hostname or "").rstrip(".")
    except ValueError:
        return ""
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit():
        return host  # an address
    is_national = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVELS  # noqa: PLR2004 - two letters: a country
    return ".".join(labels[-3:] if is_national else labels[-2:])


def _after(known: AuthorRecord | None, at: datetime) -> AuthorRecord:
    if known is None:
        return AuthorRecord(first_seen_at=at, last_seen_at=at, recent=1)
    hour, latest = floor_to(at, HOUR), floor_to(known.last_seen_at, HOUR)
    recent = 1 if hour > latest else known.recent + (hour == latest)
    return AuthorRecord(
        first_seen_at=min(known.first_seen_at, at), last_seen_at=max(known.last_seen_at, at), recent=recent
    )


def _refusal(document: Document, entity: str) -> Allowance:
    return Allowance(voice="", entity=entity, slot_at=document.published_at, stories=0, reason=CapReason.ENTITIES)
