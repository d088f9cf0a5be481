"""Lay a notification out as a mail: text and HTML, headers that mail programs thread by.

The same notification always gives the same Message-ID, so that a repeat after a lost answer is seen as one mail.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from alerts.messages.content import Content, ContentBuilder
from alerts.messages.plain import safe_url
from alerts.messages.words import instant_words, stories_words
from monitor.domain import Alert, Notification
from monitor.errors import MonitorError

log = structlog.get_logger(__name__)

Charts = Callable[[Alert], bytes | None]
"""Draws what led to an alert, as PNG; None where there is nothing to draw."""

MAX_CHARTS = 5  #: Pictures in one mail.
REASONS = {
    "first": "first notification",
    "changed": "the group has changed",
    "repeat": "reminder: nothing has changed",
    "resolved": "resolved",
}
MAX_ANCHORS = 20  #: Episodes that one mail refers to; a References header has a sensible length.
DIGEST_CHARS = 24
_WORD = re.compile(r"[A-Za-z0-9._-]{1,100}")


class MailComposer:
    """Makes mails from notifications for one sender and its addressees."""

    def __init__(
        self, content: ContentBuilder, *, sender: Address, to: Sequence[Address], charts: Charts | None = None
    ) -> None:
        self._content = content
        self._charts = charts
        self._sender = sender
        self._to = tuple(to)
        environment = _environment()
        self._html = environment.get_template("email.html.j2")
        self._text = environment.get_template("email.txt.j2")

    def compose(self, notification: Notification) -> EmailMessage:
        """The mail for `notification`."""
        content = self._content.build(notification)
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = self._to
        message["Subject"] = content.subject
        message["Date"] = notification.created_at
        message["Message-ID"] = message_id(notification)
        anchors = thread_anchors(notification)
        message["In-Reply-To"] = anchors[0]
        message["References"] = " ".join(anchors)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        message["X-Auto-Response-Suppress"] = "All"
        self._fill(message, content)
        return message

    def _fill(self, message: EmailMessage, content: Content) -> None:
        reason = REASONS.get(content.notification.reason, content.notification.reason)
        charts = self._drawn(content)
        cids = {name: _content_id(content.notification, name) for name in charts}
        message.set_content(self._text.render(content=content, reason=reason))
        message.add_alternative(self._html.render(content=content, reason=reason, charts=cids), subtype="html")
        *_, page = message.iter_parts()
        for name, png in charts.items():
            page.add_related(png, "image", "png", cid=f"<{cids[name]}>", filename="chart.png", disposition="inline")

    def _drawn(self, content: Content) -> dict[str, bytes]:
        """Charts by fingerprint, of the first alerts that have one; a mail without a chart is better than none."""
        drawn: dict[str, bytes] = {}
        for shown in content.alerts if self._charts is not None else ():
            if len(drawn) < MAX_CHARTS and shown.evidence is not None and (png := self._chart(shown.alert)):
                drawn[shown.alert.fingerprint] = png
        return drawn

    def _chart(self, alert: Alert) -> bytes | None:
        try:
            return self._charts(alert) if self._charts is not None else None
        except MonitorError as err:
            log.warning("chart_left_out", fingerprint=alert.fingerprint, reason=str(err))
            return None


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("alerts", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["instant"] = instant_words
    environment.filters["stories"] = stories_words
    environment.filters["linked"] = _linked
    return environment


def _linked(text: str) -> Markup:
    """An annotation that is a link as a whole, such as a runbook, is one; anything else is text."""
    if url := safe_url(text):
        return Markup('<a class="ink" href="{0}" rel="noopener noreferrer" style="color:#1a2230">{0}</a>').format(url)
    return escape(text)


def message_id(notification: Notification) -> str:
    """`<id@tapewatch>`; an id that is not a plain word is replaced by its digest."""
    word = notification.id if _WORD.fullmatch(notification.id) else _digest(notification.id)
    return f"<{word}@tapewatch>"


def _content_id(notification: Notification, fingerprint: str) -> str:
    return f"chart-{_digest(notification.id, fingerprint)}@tapewatch"


def thread_anchors(notification: Notification) -> list[str]:
    """Ids that no mail has, one for each episode in the notification, oldest first.

    An anchor derives from the group and the start of an episode, so everything about one episode refers to the same
    one. A mail about two episodes refers to both and so ties them together: when the first alert of a group has
    resolved and left, the mails about the others stay in the thread.
    """
    starts = sorted({_episode_start(alert) for alert in notification.alerts}) or [notification.created_at.isoformat()]
    kept = starts[:1] + starts[1:][-(MAX_ANCHORS - 1) :]
    return [f"<thread-{_digest(notification.group_key, start)}@tapewatch>" for start in kept]


def _episode_start(alert: Alert) -> str:
    return (alert.fired_at or alert.active_at or alert.since_at).isoformat()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGEST_CHARS]
