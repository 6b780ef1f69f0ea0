"""What strangers can make the bridge hold, bounded in size and in number (in time: see bridge.connections)."""

from collections.abc import Mapping

from starlette.types import Message, Receive

from bridge.errors import BridgeError, CannotTell
from bridge.taking import MAX_BODY_BYTES, not_empty, too_large

MAX_REQUESTS = 1_000  # at once
SMALL_BODY_BYTES = 64 << 10  # there is always room for this much of each: strangers who send large ones keep none out
MAX_HELD_BYTES = 64 << 20  # of all bodies at once, beyond that


class Disconnected(BridgeError):
    """The sender has gone before its body was complete."""


class Intake:
    """Reads bodies, within the bounds on one of them and on all together. To be used on one event loop."""

    def __init__(
        self,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_requests: int = MAX_REQUESTS,
        max_held_bytes: int = MAX_HELD_BYTES,
        small_body_bytes: int = SMALL_BODY_BYTES,
    ) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_requests = max_requests
        self._max_held_bytes = max_held_bytes
        self._small_body_bytes = small_body_bytes
        self._requests = 0
        self._held_bytes = 0

    async def read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The whole body, held until `release(body)`.

        Raises TooLarge, CannotTell when too much is held already, Forged when it is empty, Disconnected.
        """
        if self._requests >= self._max_requests:
            raise CannotTell("Too many webhooks at once. Please send this again.")
        self._requests += 1
        chunks: list[bytes] = []
        try:
            await self._check_declared(headers.get("content-length", "0"), receive)
            await self._read_into(chunks, receive)
            return not_empty(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        except BaseException:
            self._let_go(sum(map(len, chunks)))
            raise

    def release(self, body: bytes) -> None:
        """The body is no longer held."""
        self._let_go(len(body))

    async def _check_declared(self, content_length: str, receive: Receive) -> None:
        if content_length.isdecimal() and int(content_length) > self._max_body_bytes:
            await _let_pass({"more_body": True}, receive)
            raise too_large(self._max_body_bytes)

    async def _read_into(self, chunks: list[bytes], receive: Receive) -> None:
        size_bytes = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes > self._max_body_bytes:
                await _let_pass(message, receive)
                raise too_large(self._max_body_bytes)
            self._hold(size_bytes - len(chunk), size_bytes)
            chunks.append(chunk)
            more = message.get("more_body", False)

    def _hold(self, from_bytes: int, to_bytes: int) -> None:
        """A body has grown."""
        grown_bytes = self._beyond_small(to_bytes) - self._beyond_small(from_bytes)
        if grown_bytes and self._held_bytes + grown_bytes > self._max_held_bytes:
            raise CannotTell("Too many bytes of webhooks at once. Please send this again.")
        self._held_bytes += grown_bytes

    def _let_go(self, size_bytes: int) -> None:
        self._requests -= 1
        self._held_bytes -= self._beyond_small(size_bytes)

    def _beyond_small(self, size_bytes: int) -> int:
        return max(size_bytes - self._small_body_bytes, 0)


async def _let_pass(message: Message, receive: Receive) -> None:
    """Let the rest go by unkept: a sender whose connection breaks while it sends never sees the answer."""
    while message.get("more_body", False):
        message = await receive()
