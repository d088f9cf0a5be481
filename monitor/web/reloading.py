"""`POST /api/v1/reload`: 200 once the configuration in the file is in force; 422: refused, and the old one stays."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.errors import ConfigurationError

Reload = Callable[[], Mapping[str, Any]]
"""Takes the configuration again and tells what is in force; raises `ConfigurationError`, having changed nothing."""


def reload_route(reload: Reload) -> Route:
    """The route that asks `reload`."""
    return Route("/api/v1/reload", _endpoint(reload), methods=["POST"])


def _endpoint(reload: Reload) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(_request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(reload))
        except ConfigurationError as err:
            facts = {"error": "refused; the old configuration stays in force", "problems": str(err).splitlines()}
            return JSONResponse(facts, status_code=422)

    return endpoint
