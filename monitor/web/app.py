"""The routes: `/livez`, `/readyz`, `/metrics`, `/api/v1/...` and a page with links.

Every request passes `monitor.web.guard` first. The door for documents takes only JSON content types, which a page in a
browser cannot send to another origin without asking.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.errors import TransientError
from monitor.ports import PushDoor, VerdictDesk
from monitor.web.access import Access
from monitor.web.documents import away, documents_endpoint
from monitor.web.guard import KNOWN, Guard
from monitor.web.reloading import Reload, reload_route
from monitor.web.verdicts import verdict_routes

_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>tapewatch</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem;padding:0 1rem}}</style></head>
<body><h1>tapewatch</h1><ul>{links}</ul></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What the server shows, and the door it opens; what is None is not there."""

    registry: CollectorRegistry
    ready: Callable[[], Mapping[str, str]]  #: What keeps the process from being ready, by part; empty is ready.
    submit: PushDoor | None = None
    alerts: Callable[[], Sequence[Mapping[str, Any]]] | None = None
    sources: Callable[[], Sequence[Mapping[str, Any]]] | None = None
    status: Callable[[], Mapping[str, Any]] | None = None
    verdicts: VerdictDesk | None = None
    reload: Reload | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken."""

    max_body_bytes: int
    per_minute: int = 0  #: Requests of one client; 0 is no limit.
    behind_proxy: bool = False  #: The client is the one that the proxy names.


def create_app(pages: Pages, *, access: Access, limits: Limits) -> Starlette:
    """Make the application."""
    routes = [
        Route("/livez", _livez),
        Route("/readyz", _readyz(pages.ready)),
        Route("/metrics", _metrics(pages.registry)),
    ]
    if pages.alerts is not None:
        routes.append(Route("/api/v1/alerts", _shown(pages.alerts)))
    if pages.sources is not None:
        routes.append(Route("/api/v1/sources", _shown(pages.sources)))
    if pages.status is not None:
        routes.append(Route("/api/v1/status", _shown(pages.status)))
    index = _index([route.path for route in routes])
    if pages.submit is not None:
        door = documents_endpoint(pages.submit, max_body_bytes=limits.max_body_bytes)
        routes.append(Route("/api/v1/documents", door, methods=["POST"]))
    if pages.verdicts is not None:
        routes.extend(verdict_routes(pages.verdicts))
    if pages.reload is not None:
        routes.append(reload_route(pages.reload))
    guard = Middleware(Guard, access=access, per_minute=limits.per_minute, behind_proxy=limits.behind_proxy)
    return Starlette(
        routes=[Route("/", index), *routes],
        middleware=[guard],
        exception_handlers={HTTPException: _refused, TransientError: away},
    )


def _refused(_request: Request, err: Exception) -> Response:
    if not isinstance(err, HTTPException):
        raise err
    return JSONResponse({"error": err.detail}, status_code=err.status_code, headers=err.headers)


async def _livez(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _readyz(ready: Callable[[], Mapping[str, str]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        problems = dict(await run_in_threadpool(ready))
        # What exactly is wrong is for those alone who may see the rest.
        shown = {"problems": problems} if request.scope.get(KNOWN) else {}
        return JSONResponse({"ready": not problems} | shown, status_code=503 if problems else 200)

    return endpoint


def _metrics(registry: CollectorRegistry) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(await run_in_threadpool(encode, registry), headers={"Content-Type": content_type})

    return endpoint


def _shown(ask: Callable[[], Any]) -> Callable[[Request], Any]:
    async def endpoint(_request: Request) -> Response:
        return _Instants(await run_in_threadpool(ask))

    return endpoint


class _Instants(JSONResponse):
    """JSON in which instants are RFC 3339."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 -- as its base has it
        return json.dumps(content, default=_instant, ensure_ascii=False, allow_nan=False).encode()


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _index(paths: Sequence[str]) -> Callable[[Request], Any]:
    page = _INDEX.format(links="".join(f'<li><a href="{path}">{path}</a></li>' for path in paths))

    async def endpoint(_request: Request) -> Response:
        return HTMLResponse(page)

    return endpoint
