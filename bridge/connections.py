"""What uvicorn leaves unbounded on a connection: the size of a request's head, and the time until it is there."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10
MAX_MESSAGE_BYTES = 8 << 20  # on the wire; a body of 1 MiB in the smallest chunks takes 6 MiB


class BoundedConnection(HttpToolsProtocol):
    """Closes a connection whose request is too large on the wire, or whose head is not there in time."""

    head_seconds = 15.0
    """A head has at least this long to arrive, and at most twice as long: one timer looks after a whole connection."""

    _timer: asyncio.TimerHandle
    _message_bytes = 0
    _heads = 0
    _head_complete = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to watch the time."""
        super().connection_made(transport)
        self._watch(-1)

    def data_received(self, data: bytes) -> None:
        """Count before anything is parsed."""
        self._message_bytes += len(data)
        if self._message_bytes > (MAX_MESSAGE_BYTES if self._head_complete else MAX_HEAD_BYTES):
            self.transport.abort()
            return
        super().data_received(data)

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

    def on_message_complete(self) -> None:
        """What comes next is a head again."""
        self._message_bytes = 0
        self._head_complete = False
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to watch."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _watch(self, heads_before: int) -> None:
        if self._waits_for_head() and self._heads == heads_before:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(self.head_seconds, self._watch, self._heads)

    def _waits_for_head(self) -> bool:
        """Neither is a request being answered nor does uvicorn's own keep-alive timer run."""
        answering = self._heads > 0 and not self.cycle.response_complete
        return not answering and self.timeout_keep_alive_task is None
