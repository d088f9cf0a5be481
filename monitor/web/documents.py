"""`POST /api/v1/documents`: a body in, 202 once the bus has acknowledged what was in it.

202: taken; refused documents are listed and are in the dead letters. 400: nothing of it could be taken. 408: the body
came too slowly. 413: too large. 415: not JSON. 503: the bus or the store is away; send the same again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from monitor.errors import InvalidRecordError, TransientError
from monitor.ports import JSON_LINES_TYPES, JSON_TYPE, PushDoor, PushOutcome

BODY_TIMEOUT_S = 60.0  #: A sender that takes longer over its body is cut off.
RETRY_AFTER_S = 5.0  #: Where nobody said how long to wait.
log = structlog.get_logger(__name__)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def documents_endpoint(submit: PushDoor, *, max_body_bytes: int) -> Endpoint:
    """The endpoint that hands bodies to `submit`."""

    async def endpoint(request: Request) -> Response:
        content_type = _content_type(request)
        body = await _read(request, max_body_bytes)
        try:
            outcome = await run_in_threadpool(submit, body, content_type)
        except InvalidRecordError as err:
            status = 413 if err.reason == "too_large" else 400
            return JSONResponse({"error": str(err), "reason": err.reason}, status_code=status)
        return _answer(outcome)

    return endpoint


def _answer(outcome: PushOutcome) -> Response:
    facts = {
        "published": outcome.published,
        "repeated": outcome.repeated,
        "rejected": [asdict(rejection) for rejection in outcome.rejected],
    }
    taken = outcome.published or outcome.repeated
    return JSONResponse(facts, status_code=202 if taken else 400)


def away(request: Request, err: Exception) -> Response:
    """The answer while the bus or the store is away."""
    log.warning("request_deferred", path=request.url.path, error=str(err))
    asked_s = err.retry_after_s if isinstance(err, TransientError) else None
    wait_s = math.ceil(max(asked_s or RETRY_AFTER_S, 1.0))
    # What exactly is away is the operator's business, not the sender's.
    facts = {"error": "temporarily unavailable; nothing is lost if the same is sent again"}
    return JSONResponse(facts, status_code=503, headers={"Retry-After": str(wait_s)})


def _content_type(request: Request) -> str:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (JSON_TYPE, *JSON_LINES_TYPES):
        raise HTTPException(415, f"content type {content_type or 'missing'}; use application/json or application/jsonl")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "a compressed body is not taken")
    return content_type


async def _read(request: Request, max_body_bytes: int) -> bytes:
    """Read the body, giving up as soon as it is known to be too large or too slow."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_body_bytes:
        raise _too_large(max_body_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_body_bytes:
                    raise _too_large(max_body_bytes)
    except TimeoutError as err:
        raise HTTPException(408, "the body came too slowly") from err
    except ClientDisconnect as err:
        raise HTTPException(400, "the sender left") from err
    return bytes(body)


def _too_large(max_body_bytes: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {max_body_bytes} bytes", headers={"Connection": "close"})
