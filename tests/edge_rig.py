"""The HTTP edge over a real ledger on a real port, and signed Stripe webhooks to send to it."""

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.types import Lifespan
from stripe import WebhookSignature

from bridge.connections import BoundedConnection
from bridge.http import create_app
from bridge.keeper import Keeper
from bridge.ledger.sqlite import SqliteLedger
from bridge.limits import Intake
from bridge.serve import server_config
from bridge.sources.base import Receiver
from bridge.sources.stripe.receive import StripeReceiver
from bridge.turn_log import TurnLog
from bridge.values.times import Clock, system_clock

SECRET = "whsec_of_the_tests_0123456789abcdef"
OTHER_SECRET = "whsec_another_one_0123456789abcdef"


def sign(body: bytes, secret: str = SECRET, at_s: int | None = None) -> dict[str, str]:
    """The headers of a signed webhook. Stripe's own generator signs text, so the body must be UTF-8."""
    return {"stripe-signature": str(WebhookSignature.generate_signature_header(body.decode(), secret, at_s))}


def event(event_id: str, **more: object) -> bytes:
    """A small snapshot event."""
    created = int(time.time())
    known = {"id": event_id, "object": "event", "type": "invoice.paid", "created": created, "livemode": True}
    return orjson.dumps({**known, "data": {"object": {}}, **more})


class Edge:
    """A running edge: where it is, its ledger, and every line that it logged."""

    def __init__(self, folder: Path) -> None:
        self.ledger = SqliteLedger.open(folder / "bridge.sqlite")
        self.lines: list[bytes] = []
        self.woken = 0
        self.url = ""
        self.port = 0

    def wake(self) -> None:
        """Count what the worker would have been told."""
        self.woken += 1

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a webhook; signed, unless headers are given."""
        with httpx.Client() as client:
            signed = sign(body) if headers is None else headers
            return client.post(f"{self.url}/webhooks/stripe", content=body, headers=signed)

    def kept_ids(self) -> list[str]:
        """The ids on disk, the oldest first."""
        kept = [self.ledger.kept(seq) for seq in self.ledger.find()]
        return [one.pending.notification.id for one in kept if one]

    def log(self) -> list[dict[str, object]]:
        """The log so far; each line must be one JSON object in ASCII."""
        text = b"".join(self.lines)
        assert text.isascii()
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def running_edge(
    folder: Path,
    *,
    receivers: Sequence[Receiver] | None = None,
    clock: Clock = system_clock,
    intake: Intake | None = None,
    patience_seconds: float = 15.0,
) -> Iterator[Edge]:
    """Serve the edge until the block ends."""
    edge = Edge(folder)
    log = TurnLog(edge.lines.append, clock)
    keeper = Keeper(edge.ledger, log, edge.wake)
    app = create_app(
        [StripeReceiver([SECRET, OTHER_SECRET])] if receivers is None else receivers,
        keeper,
        log=log,
        missing={"apple": ("APPLE_APPS",)},
        clock=clock,
        intake=intake,
        lifespan=_closing(keeper),
    )
    config = server_config(app)
    config.http = type("Connection", (BoundedConnection,), {"patience_seconds": patience_seconds})
    with served(config) as edge.port:
        edge.url = f"http://127.0.0.1:{edge.port}"
        yield edge
    edge.ledger.close()


@contextmanager
def served(config: uvicorn.Config) -> Iterator[int]:
    """Run a server in a thread on a free port, given, until the block ends."""
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.002)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def raw(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes as they are and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause_s)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """What the server says until it closes; a reset is an end, too."""
    answer = b""
    try:
        while chunk := connection.recv(65_536):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer


def _closing(keeper: Keeper) -> Lifespan[Starlette]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await keeper.close()

    return lifespan
