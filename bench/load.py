"""The load: many keep-alive connections that each send the next ready request as soon as the last is answered."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import cast

import uvloop

CONNECTIONS = 16
GIVE_UP_SECONDS = 60


def send_all(port: int, requests: Mapping[str, bytes], connections: int = CONNECTIONS) -> dict[str, int]:
    """Send them all to 127.0.0.1. Gives the status of each: id -> status."""
    return uvloop.run(_send_all(port, requests, connections))


async def _send_all(port: int, requests: Mapping[str, bytes], connections: int) -> dict[str, int]:
    statuses: dict[str, int] = {}
    rest = iter(requests.items())
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Lane(rest, statuses, loop.create_future()), "127.0.0.1", port)
        for _ in range(connections)
    ]
    async with asyncio.timeout(GIVE_UP_SECONDS):
        await asyncio.gather(*(lane.finished for _, lane in opened))
    return statuses


class _Lane(asyncio.Protocol):
    """One connection. It parses no more of an answer than it needs: the load should cost less than what it loads."""

    def __init__(
        self, rest: Iterator[tuple[str, bytes]], statuses: dict[str, int], finished: asyncio.Future[None]
    ) -> None:
        self._rest = rest
        self._statuses = statuses
        self.finished = finished
        self._answer = b""
        self._id = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if _complete(self._answer):
            self._statuses[self._id] = int(self._answer[9:12])
            self._answer = b""
            self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(exc or ConnectionError("the server closed a connection"))

    def _send_next(self) -> None:
        self._id, request = next(self._rest, ("", b""))
        if request:
            self._transport.write(request)
        else:
            self.finished.set_result(None)
            self._transport.close()


def _complete(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    (length,) = (line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(body) >= int(length)
