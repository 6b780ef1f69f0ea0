"""What strangers send: forged, oversized, garbled, slow and unfinished requests, thousands of them at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from bridge.stories.stripe_signing import sign
from bridge.values.times import system_clock

from .stores import SOURCES

AT_ONCE = 150
MEGABYTE = 1 << 20
BIG_SLOW_BYTES = MEGABYTE - 1_000  # just below the cap on a body
ANSWER_WITHIN_S = 40.0
NO_ANSWER = 0

Attack = Callable[[asyncio.StreamWriter, random.Random], Awaitable[None]]
"""Sends what it sends on a connection; the answer is read by others."""


class Flood:
    """Attacks a bridge until it is told to stop. `statuses` counts the answers; 0: there was none."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._rng = rng
        self.statuses: Counter[int] = Counter()

    def run(self, quick: int, slow: int, slow_and_big: int, *, patient: bool) -> None:
        """So many requests that are quickly done, while so many slow ones hold their connections.

        `patient`: the slow ones hold on until the bridge ends them, half a minute at most; else to the end of the
        quick ones.
        """
        asyncio.run(self._run(quick, slow, slow_and_big, patient=patient))

    async def _run(self, quick: int, slow: int, slow_and_big: int, *, patient: bool) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        attacks = [*self._rng.choices(SLOW, k=slow), *[drip_much] * slow_and_big]
        holding = [asyncio.ensure_future(self._attack(attack)) for attack in attacks]
        await asyncio.gather(*(self._gated(gate, attack) for attack in self._rng.choices(QUICK, k=quick)))
        if not patient:
            for one in holding:
                one.cancel()
        await asyncio.wait(holding)

    async def _gated(self, gate: asyncio.Semaphore, attack: Attack) -> None:
        async with gate:
            await self._attack(attack)

    async def _attack(self, attack: Attack) -> None:
        status = NO_ANSWER
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            sending = asyncio.ensure_future(_sent(attack(writer, self._rng)))
            try:
                status = await asyncio.wait_for(_status(reader), ANSWER_WITHIN_S)
            finally:
                sending.cancel()
                await asyncio.wait([sending])
                writer.transport.abort()
        self.statuses[status] += 1


async def _sent(attack: Awaitable[None]) -> None:
    with suppress(OSError):
        await attack


async def _status(reader: asyncio.StreamReader) -> int:
    line = await reader.readline()
    words = line.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else NO_ANSWER


def _head(source: str, *lines: str) -> bytes:
    return "\r\n".join((f"POST /webhooks/{source} HTTP/1.1", "Host: bridge", *lines, "", "")).encode()


async def forge(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """A webhook with a signature of somebody else's key."""
    source = rng.choice(SOURCES)
    body = b'{"id": "evt_%d", "object": "event", "signedPayload": "e30.e30.AAAA"}' % rng.randrange(10**9)
    signed = sign(body, "whsec_of_a_stranger_0123456789", system_clock())
    token = "authorization: Bearer e30.e30.AAAA"
    lines = (*(f"{name}: {value}" for name, value in signed.items()), token, f"Content-Length: {len(body)}")
    await _send(writer, _head(source, *lines) + body)


async def oversize(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """A body of several megabytes, with its length said or not."""
    megabytes = rng.randint(2, 6)
    if rng.random() < 0.5:
        await _send(writer, _head(rng.choice(SOURCES), f"Content-Length: {megabytes * MEGABYTE}"))
        part = bytes(MEGABYTE)
    else:
        await _send(writer, _head(rng.choice(SOURCES), "Transfer-Encoding: chunked"))
        part = b"%x\r\n%b\r\n" % (MEGABYTE, bytes(MEGABYTE))
    for _ in range(megabytes):
        await _send(writer, part)
    await _send(writer, b"0\r\n\r\n")


async def garble(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """Bytes that are no HTTP."""
    await _send(writer, rng.randbytes(rng.randint(1, 2_000)) + b"\r\n\r\n")


async def swell(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """A head that does not end."""
    await _send(writer, _head(rng.choice(SOURCES))[:-2])
    for number in range(2_000):
        await _send(writer, b"x-%d: %b\r\n" % (number, b"a" * 100))


async def break_off(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """Half a body, and the connection is gone."""
    await _send(writer, _head(rng.choice(SOURCES), "Content-Length: 5000") + bytes(2_500))
    writer.transport.abort()


async def say_nothing(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """A connection on which nothing comes, or half a head."""
    if rng.random() < 0.5:
        await _send(writer, _head(rng.choice(SOURCES))[:20])


async def drip(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """A body that comes byte by byte."""
    await _send(writer, _head(rng.choice(SOURCES), "Content-Length: 100000"))
    await _drip(writer)


async def drip_much(writer: asyncio.StreamWriter, rng: random.Random) -> None:
    """A body as large as may be, at once but for its last bytes."""
    await _send(writer, _head(rng.choice(SOURCES), f"Content-Length: {BIG_SLOW_BYTES}"))
    await _send(writer, bytes(BIG_SLOW_BYTES - 1_000))
    await _drip(writer)


async def _drip(writer: asyncio.StreamWriter) -> None:
    for _ in range(900):
        await _send(writer, b"a")
        await asyncio.sleep(0.2)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    if writer.is_closing():
        raise ConnectionResetError
    writer.write(data)
    await writer.drain()


QUICK: list[Attack] = [forge, forge, forge, oversize, garble, swell, break_off]
SLOW: list[Attack] = [say_nothing, drip]
