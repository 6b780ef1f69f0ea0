"""What can go wrong on the way to FloKit and back, on demand. Each is queued in `FlokitStandin.troubles`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Trouble(Protocol):
    """One answer that differs from the documented one."""

    @property
    def stores(self) -> bool:
        """Whether the events are taken all the same, so that only the answer is lost."""

    def response(self) -> Response:
        """What is sent in place of the documented answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Any status, headers (`Retry-After`, `Location`) and body; garbage with status 200 is one of them."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stores: bool = False

    def response(self) -> Response:
        return Response(self.body, self.status, dict(self.headers))


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer at all: the connection stays open until the client has had enough."""

    stores: bool = False

    def response(self) -> Response:
        return _Hanging()


@dataclass(frozen=True, slots=True)
class Slow:
    """The documented answer to one event, after so many seconds."""

    seconds: float
    stores: bool = True

    def response(self) -> Response:
        return _Slow(self.seconds)


@dataclass(frozen=True, slots=True)
class CutOff:
    """The connection closes in the middle of a 200."""

    stores: bool = False

    def response(self) -> Response:
        return _CutOff()


class _Hanging(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        while (await receive())["type"] != "http.disconnect":
            pass


class _Slow(Response):
    def __init__(self, seconds: float) -> None:
        super().__init__(b'{"status":"ok","event_id":"evt_slow"}', media_type="application/json")
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(self._seconds)
        await super().__call__(scope, receive, send)


class _CutOff(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"status":"ok","ev', "more_body": True})
