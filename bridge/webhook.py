"""The way of one webhook up to its answer: read, prove, keep, answer 200.

A plain ASGI callable: a request object would cost more than the proof does (measured).
"""

import asyncio
import time
from collections.abc import Iterable

from starlette.types import Receive, Scope, Send

from bridge.answers import Answer, kept_answer, refusal_answer
from bridge.errors import NeedsKeys, Refused
from bridge.keeper import Keeper
from bridge.limits import Disconnected, Intake
from bridge.log import Log
from bridge.sources.base import Receiver
from bridge.taking import log_refused, log_taken, only_refusals
from bridge.values.records import Notification
from bridge.values.times import Clock


class WebhookEndpoint:
    """Takes the webhooks of one source."""

    def __init__(self, receiver: Receiver, keeper: Keeper, intake: Intake, log: Log, clock: Clock) -> None:
        self._receiver = receiver
        self._keeper = keeper
        self._intake = intake
        self._log = log
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one POST. Whatever the input, the status is 200, 4xx or, when it has to come again, 503."""
        began_ns = time.perf_counter_ns()
        try:
            answer, known = await self._take(scope["headers"], receive)
        except Refused as refusal:
            answer, known = refusal_answer(refusal), log_refused(refusal)
        except Disconnected:
            self._log("webhook", source=self._receiver.name, outcome="disconnected")
            return
        await answer.send(send)
        duration_ms = (time.perf_counter_ns() - began_ns) // 1_000_000
        self._log("webhook", source=self._receiver.name, status=answer.status, **known, duration_ms=duration_ms)

    async def _take(
        self, raw_headers: Iterable[tuple[bytes, bytes]], receive: Receive
    ) -> tuple[Answer, dict[str, object]]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw_headers}
        body = await self._intake.read(headers, receive)
        try:
            with only_refusals(self._receiver.name, self._log):
                notification = await self._proven(headers, body)
            new = await self._keeper.keep(notification)
        finally:
            self._intake.release(body)
        return kept_answer(new, notification.hint), log_taken(notification, "accepted" if new else "duplicate")

    async def _proven(self, headers: dict[str, str], body: bytes) -> Notification:
        try:
            return self._receiver.verify(headers, body, self._clock())
        except NeedsKeys as need:
            await asyncio.to_thread(need.fetch)  # others are served meanwhile
        return self._receiver.verify(headers, body, self._clock())
