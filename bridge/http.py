"""The HTTP edge: which URLs there are and what they answer. All answers are JSON."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from bridge.errors import LedgerError
from bridge.keeper import Keeper
from bridge.limits import Intake
from bridge.log import Log
from bridge.sources.base import Receiver
from bridge.taking import not_configured_message
from bridge.values.times import Clock, system_clock
from bridge.webhook import WebhookEndpoint

READY_FOR_SECONDS = 1.0  # so that /ready, which is open to strangers, cannot be used to hammer the disk


def create_app(  # noqa: PLR0913 - the parts of the edge, each named by the caller
    receivers: Iterable[Receiver],
    keeper: Keeper,
    *,
    log: Log,
    missing: Mapping[str, Sequence[str]] | None = None,
    clock: Clock = system_clock,
    intake: Intake | None = None,
    lifespan: Lifespan[Starlette] | None = None,
    more_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application. `missing` names, for each source that is not configured, the settings it lacks."""
    shared = intake or Intake()
    webhooks = {
        f"/webhooks/{receiver.name}": WebhookEndpoint(receiver, keeper, shared, log, clock) for receiver in receivers
    }
    return _Edge(
        webhooks,
        routes=[
            *(Route(path, endpoint, methods=["POST"]) for path, endpoint in webhooks.items()),
            Route("/webhooks/{source}", not_configured(missing or {}), methods=["POST"]),
            Route("/health", health, methods=["GET"]),
            Route("/ready", Readiness(keeper, log).answer, methods=["GET"]),
            *more_routes,
        ],
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )


class _Edge(Starlette):
    """Hands webhooks to their ends past the layers that they do not need, a third of what they cost (measured)."""

    def __init__(self, webhooks: Mapping[str, ASGIApp], **starlette: Any) -> None:
        super().__init__(**starlette)
        self._webhooks = webhooks
        self.router.redirect_slashes = False  # a redirect would repeat the Host header of a stranger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        webhook = self._webhooks.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        await (webhook or super().__call__)(scope, receive, send)


async def health(_request: Request) -> JSONResponse:
    """The process lives."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Whether webhooks can be kept: asked of the ledger at most once a second, however often it is asked for."""

    def __init__(self, keeper: Keeper, log: Log) -> None:
        self._keeper = keeper
        self._log = log
        self._asking = asyncio.Lock()
        self._fresh_until = 0.0
        self._problem = ""

    async def answer(self, _request: Request) -> JSONResponse:
        """200 when webhooks can be kept, else 503 with the reason."""
        async with self._asking:
            if time.monotonic() >= self._fresh_until:
                self._problem = await self._ask()
                self._fresh_until = time.monotonic() + READY_FOR_SECONDS
        if self._problem:
            return JSONResponse({"error": "not_ready", "message": self._problem}, 503)
        return JSONResponse({"status": "ready"})

    async def _ask(self) -> str:
        try:
            await self._keeper.check()
        except LedgerError as error:
            self._log("not_ready", level="error", message=str(error))
            return "The ledger cannot be written; the log says why."
        return ""


def not_configured(missing: Mapping[str, Sequence[str]]) -> Callable[[Request], Awaitable[JSONResponse]]:
    """An end for the sources without their settings: it names what is missing."""

    async def answer(request: Request) -> JSONResponse:
        settings = missing.get(request.path_params["source"])
        if settings is None:
            raise HTTPException(404)
        return JSONResponse({"error": "not_configured", "message": not_configured_message(settings)}, 404)

    return answer


async def http_error(_request: Request, error: Exception) -> JSONResponse:
    """Unknown URLs and methods, in JSON like everything else."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette's handlers are typed for any exception
    code, message = _HTTP_ERRORS.get(error.status_code, ("refused", error.detail))
    return JSONResponse({"error": code, "message": message}, error.status_code, error.headers)


_HTTP_ERRORS = {
    404: ("not_found", "There is nothing at this URL. Webhooks go to POST /webhooks/<source>."),
    405: ("method_not_allowed", "This URL does not take this method; see the Allow header."),
}
