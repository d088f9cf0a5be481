"""`/verdicts/TOKEN/VERDICT`: where the links of messages end.

GET shows what the link is about and a button; only pressing it, a POST, records anything, since programs that check
mail follow every link in it. No login: the token is the permission (`monitor.ports.VerdictDesk`). 200: shown, or
recorded. 404: not our link, or too old. 413: the form is too large.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from monitor.domain import VerdictKind
from monitor.errors import PermanentError
from monitor.ports import EpisodeView, VerdictDesk

FORM_BYTES = 8192
BY_CHARS, NOTE_CHARS = 80, 500
MEANINGS: Mapping[VerdictKind, str] = {
    VerdictKind.USEFUL: "Useful: it was worth telling",
    VerdictKind.FALSE: "False: nothing had happened",
    VerdictKind.DUPLICATE: "Duplicate: it was known already",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark"><title>{title} - tapewatch</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:34rem;padding:0 1rem}}
h1{{font-size:1.4rem;line-height:1.3}}button,input{{font:inherit;width:100%;box-sizing:border-box;padding:.6rem .8rem;
margin:.25rem 0;border:1px solid #8b96a5;border-radius:4px;text-align:left}}button{{cursor:pointer}}
button.asked{{background:#1a4f8a;border-color:#1a4f8a;color:#fff;font-weight:600}}label{{display:block;margin-top:.75rem}}
</style></head><body>{body}</body></html>
"""


def verdict_routes(desk: VerdictDesk) -> list[Route]:
    """The routes of links that `desk` takes."""

    async def endpoint(request: Request) -> Response:
        token, asked = request.path_params["token"], _kind(request.path_params["verdict"])
        try:
            if request.method != "POST":
                return _ask(await run_in_threadpool(desk.episode, token), asked)
            form = await _form(request)
            kind = _kind(form.get("verdict", asked.value))
            by, note = form.get("by", "")[:BY_CHARS], form.get("note", "")[:NOTE_CHARS]
            return _thank(await run_in_threadpool(lambda: desk.record(token, kind, by=by, note=note)), kind)
        except PermanentError as err:
            return _page("This link cannot be used", f"<p>{escape(str(err))}</p>", status=404)

    return [Route("/verdicts/{token}/{verdict}", endpoint, methods=["GET", "POST"])]


def _kind(written: str) -> VerdictKind:
    try:
        return VerdictKind(written)
    except ValueError as err:
        raise HTTPException(404, "a verdict is useful, false or duplicate") from err


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it; what cannot be read counts as empty."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise HTTPException(413, f"the form is larger than {FORM_BYTES} bytes", headers={"Connection": "close"})
    return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))


def _ask(episode: EpisodeView, asked: VerdictKind) -> Response:
    order = sorted(VerdictKind, key=lambda kind: kind is not asked)
    buttons = "".join(_button(kind, is_asked=kind is asked) for kind in order)
    said = f"<p>So far it counts as {episode.verdict.value}; the last word counts.</p>" if episode.verdict else ""
    form = (
        f'<form method="post">{buttons}'
        f'<label>Your name, if you like<input name="by" maxlength="{BY_CHARS}" autocomplete="name"></label>'
        f'<label>Why, if you like<input name="note" maxlength="{NOTE_CHARS}"></label></form>'
    )
    return _page("What was this alert worth?", f"{_described(episode)}{said}{form}")


def _button(kind: VerdictKind, *, is_asked: bool) -> str:
    shown = ' class="asked"' if is_asked else ""
    return f'<button name="verdict" value="{kind.value}"{shown}>{escape(MEANINGS[kind])}</button>'


def _thank(episode: EpisodeView, kind: VerdictKind) -> Response:
    return _page(f"Recorded: {kind.value}", f"{_described(episode)}<p>Thank you. The last word counts.</p>")


def _described(episode: EpisodeView) -> str:
    when = f"{episode.fired_at:%Y-%m-%d %H:%M} UTC"
    summary = f"<br>{escape(episode.summary)}" if episode.summary else ""
    return f"<p><strong>{escape(episode.about)}</strong>, {when}, rule {escape(episode.rule)}{summary}</p>"


def _page(title: str, body: str, *, status: int = 200) -> Response:
    shown = _PAGE.format(title=escape(title), body=f"<h1>{escape(title)}</h1>{body}")
    return HTMLResponse(shown, status_code=status)
