"""A stand-in FloKit: a real HTTP server with the documented behaviour of the Events API, and failures on demand.

Documented and done here (FloKit's pages "Send events", "Batch events", "Authentication"): both endpoints, Bearer keys,
`Idempotency-Key` for 24 hours on single events only, a batch's good events taken and its bad ones named by index,
100 requests a minute for a workspace with 429 and `Retry-After`, the list of integrations ("Integrations API"). Not
documented, so assumed: what a 400 says in `error`, that a batch error's text is under `reason`, that `Retry-After`
counts seconds, that a batch has a size limit.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.standins.troubles import Trouble
from bridge.standins.workspace import StoredEvent, Totals, Workspace, problem_of, totals
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import Clock, system_clock

MAX_BATCH = 1_000
PRODUCTION_KEY = "flokit_standin_production"
SANDBOX_KEY = "flokit_standin_sandbox"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came, answered or not. `body` is raw."""

    at_ms: int
    path: str
    key: str
    body: bytes


_Take = Callable[[Workspace, ReceivedRequest, Any], Response]


class FlokitStandin:
    """The server: `with running(standin.app) as url`. All attributes may be read and set while it runs.

    `troubles` are used up one a request. `refuse` gives the reason why an event is not valid; every request that holds
    an event of `refuse_whole` is a 422, of `choke_on` a 500. `on_arrival` is called, in the server's thread, with each
    event as it is stored.
    """

    def __init__(self, clock: Clock = system_clock, workspaces: Iterable[Workspace] | None = None) -> None:
        self.clock = clock
        self.workspaces = list(
            workspaces or [_workspace("production", PRODUCTION_KEY), _workspace("sandbox", SANDBOX_KEY)]
        )
        self.requests: list[ReceivedRequest] = []
        self.troubles: deque[Trouble] = deque()
        self.refuse: Callable[[Document], str] = lambda _: ""
        self.refuse_whole: Callable[[Document], bool] = lambda _: False
        self.choke_on: Callable[[Document], bool] = lambda _: False
        self.on_arrival: Callable[[StoredEvent], None] = lambda _: None
        self.batch_limit_bytes: int | None = None
        self.app = Starlette(
            routes=[
                Route("/v1/events", self._single, methods=["POST"]),
                Route("/v1/batch/events", self._batch, methods=["POST"]),
                Route("/v1/integrations", self._integrations),
            ]
        )

    @property
    def stored(self) -> list[StoredEvent]:
        """Every stored event, workspace by workspace, in the order of arrival."""
        return [event for workspace in self.workspaces for event in workspace.stored]

    def totals(self) -> dict[str, Totals]:
        """What was sold, given back and kept, per currency."""
        return totals(self.stored)

    async def _single(self, request: Request) -> Response:
        return await self._receive(request, self._take_single)

    async def _batch(self, request: Request) -> Response:
        return await self._receive(request, self._take_batch)

    async def _integrations(self, request: Request) -> Response:
        if self.troubles:
            return self.troubles.popleft().response()
        authorization = request.headers.get("authorization", "")
        for workspace in self.workspaces:
            if authorization in {f"Bearer {key}" for key in (workspace.api_key, workspace.read_only_key) if key}:
                return _json(200, {"integrations": workspace.integrations})
        return _error(401, "unauthorized", "Invalid or missing API key")

    async def _receive(self, request: Request, take: _Take) -> Response:
        received = ReceivedRequest(
            self.clock(), request.url.path, request.headers.get("idempotency-key", ""), await request.body()
        )
        self.requests.append(received)
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble and not trouble.stores:
            return trouble.response()
        response = self._answer(request, received, take)
        return trouble.response() if trouble else response

    def _answer(self, request: Request, received: ReceivedRequest, take: _Take) -> Response:
        workspace = self._workspace_of(request.headers.get("authorization", ""))
        if isinstance(workspace, Response):
            return workspace
        if wait_s := workspace.admit(received.at_ms):
            return _error(429, "rate_limited", "Too many requests", {"Retry-After": str(wait_s)})
        try:
            document = jsontext.loads(received.body)
        except ValueError:
            return _invalid("The body must be JSON")
        events = [event for event in _events_of(document) if isinstance(event, dict)]
        if any(map(self.choke_on, events)):
            return _error(500, "internal_error", "Something went wrong")
        if any(map(self.refuse_whole, events)):
            return _error(422, "bad_event", "One of the events is not valid")
        return take(workspace, received, document)

    def _workspace_of(self, authorization: str) -> Workspace | Response:
        for workspace in self.workspaces:
            if authorization == f"Bearer {workspace.api_key}":
                return workspace
            if workspace.read_only_key and authorization == f"Bearer {workspace.read_only_key}":
                return _error(403, "forbidden", "This operation requires a read-write key")
        return _error(401, "unauthorized", "Invalid or missing API key")

    def _take_single(self, workspace: Workspace, received: ReceivedRequest, document: Any) -> Response:
        event = workspace.known(received.key, received.at_ms)
        if event is None:
            if problem := self._problem(document):
                return _invalid(problem)
            event = self._store(workspace, document, received)
        return _json(200, {"status": "ok", "event_id": event.event_id})

    def _take_batch(self, workspace: Workspace, received: ReceivedRequest, document: Any) -> Response:
        if self.batch_limit_bytes is not None and len(received.body) > self.batch_limit_bytes:
            return _error(413, "too_large", "The body is too large")
        events = _events_of(document)
        if not 1 <= len(events) <= MAX_BATCH:
            return _invalid(f"events must be a list of 1 to {MAX_BATCH}")
        problems = [self._problem(event) for event in events]
        good = [event for event, problem in zip(events, problems, strict=True) if not problem]
        errors = [{"index": index, "reason": problem} for index, problem in enumerate(problems) if problem]
        event_ids = [self._store(workspace, event, received).event_id for event in good]
        counts = {"accepted": len(good), "rejected": len(errors)}
        return _json(200, {"status": "ok", **counts, "event_ids": event_ids, "errors": errors})

    def _problem(self, event: Any) -> str:
        return problem_of(event) or self.refuse(event)

    def _store(self, workspace: Workspace, document: Document, received: ReceivedRequest) -> StoredEvent:
        # A batch's Idempotency-Key is not documented, so it counts for nothing here.
        key = received.key if received.path == "/v1/events" else ""
        event = workspace.store(document, key, received.at_ms)
        self.on_arrival(event)
        return event


def _workspace(name: str, api_key: str) -> Workspace:
    return Workspace(name, api_key, read_only_key=f"{api_key}_read_only")


def _events_of(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        return []
    events = document.get("events", [document])
    return events if isinstance(events, list) else []


def _invalid(message: str) -> Response:
    return _error(400, "validation_error", message)


def _error(status: int, error: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return _json(status, {"error": error, "message": message}, headers)


def _json(status: int, document: Document, headers: dict[str, str] | None = None) -> Response:
    return Response(jsontext.dumps(document), status, headers, media_type="application/json")
