"""FloKit's door: the documented limit and answers, every event counted by its transaction id, none kept."""

import asyncio
from collections import Counter

import orjson
from chaos.clock import SharedClock
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bridge.standins.flokit import MAX_BATCH, PRODUCTION_KEY
from bridge.standins.workspace import Workspace
from bridge.values.times import MINUTE_MS

NOTED_WITHIN_S = 0.02  # until the bridge has noted an answer


class Gate:
    """An ASGI app. After the last request that a minute allows, the clock jumps to the next minute.

    `arrived` counts events by transaction id; `minutes` how often the clock has jumped.
    """

    def __init__(self, clock: SharedClock, requests_per_minute: int) -> None:
        self._clock = clock
        self._workspace = Workspace("production", PRODUCTION_KEY, requests_per_minute=requests_per_minute)
        self.requests_per_minute = requests_per_minute
        self.arrived: Counter[str] = Counter()
        self.paths: Counter[str] = Counter()
        self.refused = 0
        self.minutes = 0

    @property
    def requests(self) -> int:
        """How many requests came."""
        return self.paths.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = await Request(scope, receive).body()
            await self._answer(scope["path"], body)(scope, receive, send)
            if self.requests % self.requests_per_minute == 0:
                await asyncio.sleep(NOTED_WITHIN_S)
                self.minutes += 1
                self._clock.advance(MINUTE_MS)

    def _answer(self, path: str, body: bytes) -> Response:
        self.paths[path] += 1
        if wait_s := self._workspace.admit(self._clock()):
            self.refused += 1
            return Response(status_code=429, headers={"Retry-After": str(wait_s)})
        document = orjson.loads(body)
        events = document.get("events", [document])
        assert len(events) <= MAX_BATCH
        ids = [event["properties"]["transaction_id"] for event in events]
        self.arrived.update(ids)
        if path == "/v1/events":
            return _json({"status": "ok", "event_id": f"evt_{ids[0]}"})
        taken = [f"evt_{one}" for one in ids]
        return _json({"status": "ok", "accepted": len(ids), "rejected": 0, "event_ids": taken, "errors": []})


def _json(document: dict[str, object]) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
