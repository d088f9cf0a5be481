"""Caps on how much one voice can move the counts; in every one of them 0 switches it off."""

from __future__ import annotations

from pydantic import NonNegativeInt

from monitor.settings.base import Section


class GuardSettings(Section):
    """How much one author or one domain may tell. What a cap holds back is counted as held back, and never alerts."""

    author_stories: NonNegativeInt = 3
    """Stories of one entity that one author of posts tells in a day (UTC)."""

    author_stories_in_all: NonNegativeInt = 30
    """Stories that one author of posts tells in a day over all entities, those that name none included."""

    domain_stories: NonNegativeInt = 60
    """Stories of one entity that one domain of news or filings tells in an hour; without a link, one source."""

    post_entities: NonNegativeInt = 5
    """A post that names more entities counts for none of them, only over all."""

    news_entities: NonNegativeInt = 0
    """The same for news and filings."""

    burst_posts: NonNegativeInt = 10
    """An author with more posts in an hour is counted as bursting; 0: authors are not followed."""
