"""What uvicorn leaves unbounded on a connection: the size of a request on the wire, and the time it takes to arrive."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10
MAX_MESSAGE_BYTES = 8 << 20  # on the wire; a body of 1 MiB in the smallest chunks takes 6 MiB

_TOO_SLOW_BODY = b'{"error":"too_slow","message":"The body did not arrive in time. Please send this again."}'
_TOO_SLOW = b"\r\n".join(
    (
        b"HTTP/1.1 408 Request Timeout",
        b"content-type: application/json",
        b"content-length: %d" % len(_TOO_SLOW_BODY),
        b"connection: close",
        b"",
        _TOO_SLOW_BODY,
    )
)


class BoundedConnection(HttpToolsProtocol):
    """Ends a connection whose request is too large on the wire, or is not there in time."""

    patience_seconds = 15.0
    """A head, and after it a body, has at least this long to arrive and at most twice as long: one timer looks after
    a whole connection, for one for each request would cost as much as the routing does (measured)."""

    _timer: asyncio.TimerHandle
    _message_bytes = 0
    _heads = 0
    _head_complete = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to watch the time."""
        super().connection_made(cast(asyncio.Transport, _JoinedWrites(transport, self.loop)))
        self._watch(-1)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to watch."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and end the connection when what came of this request is too much."""
        self._message_bytes += len(data)
        super().data_received(data)
        if self._message_bytes > (MAX_MESSAGE_BYTES if self._head_complete else MAX_HEAD_BYTES):
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A new head begins."""
        self._message_bytes = 0
        self._head_complete = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._heads += 1
        self._head_complete = True
        super().on_headers_complete()

    def _watch(self, heads_before: int) -> None:
        late = self._heads == heads_before
        if late and self._waits_for_head():
            self.transport.abort()
        elif late and self._waits_for_body():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
        else:
            self._timer = self.loop.call_later(self.patience_seconds, self._watch, self._heads)

    def _waits_for_head(self) -> bool:
        """Neither is a request being answered nor does uvicorn's own keep-alive timer run."""
        answering = self._heads > 0 and not self.cycle.response_complete
        return not answering and self.timeout_keep_alive_task is None

    def _waits_for_body(self) -> bool:
        return self._heads > 0 and self.cycle.more_body and not self.cycle.response_started


class _JoinedWrites:
    """A transport that writes at the end of the turn: uvicorn hands over an answer's head and body one by one, which
    would cost two packets and wake the other side twice."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))
