"""The stand-in FloKit, watched from its door: what came, how often, and what was answered by when."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.standins.troubles import Trouble
from bridge.standins.workspace import StoredEvent, Workspace
from bridge.values import jsontext
from bridge.values.times import Clock, system_clock

NO_LIMIT = 1_000_000
WITHOUT_LIMIT = {"FLOKIT_REQUESTS_PER_MINUTE": str(NO_LIMIT)}
ARRIVED, TAKEN, ANSWERED = "a request arrives", "FloKit has taken it", "FloKit has answered"

Text = bytes
"""An event in one way of writing it, to be compared."""


def text_of(body: bytes) -> Text:
    """An event's body, written as `Witness` writes it."""
    return jsontext.dumps(jsontext.loads(body))


class Witness:
    """An ASGI app around the stand-in.

    `at` is told of each moment of a request, in the server's thread; when it gives False the request is dropped there.
    `weather`, while there is one, meets every request.
    """

    def __init__(self, clock: Clock = system_clock, requests_per_minute: int = NO_LIMIT) -> None:
        workspace = Workspace("production", PRODUCTION_KEY, requests_per_minute=requests_per_minute)
        self.standin = FlokitStandin(clock, [workspace])
        self.standin.on_arrival = self._note
        self.at: Callable[[str], bool] = lambda _moment: True
        self.weather: Trouble | None = None
        self.arrivals: Counter[Text] = Counter()
        self.by_key: dict[str, Text] = {}
        self.in_batches: Counter[Text] = Counter()
        self.answered_at_s: dict[Text, float] = {}
        self.arrived_at_ms: dict[Text, list[int]] = {}
        self._storing: list[Text] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.standin.app(scope, receive, send)
            return
        if not self.at(ARRIVED):
            await Response(status_code=503)(scope, receive, send)  # to nobody: who asked has been killed
            return
        if self.weather:
            self.standin.troubles.append(self.weather)
        self._storing = []
        await self.standin.app(scope, receive, self._watched(send))

    def _watched(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.at(TAKEN)
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.answered_at_s |= dict.fromkeys(self._storing, time.monotonic())
                self.at(ANSWERED)

        return watched

    def _note(self, event: StoredEvent) -> None:
        text = jsontext.dumps(event.document)
        self.arrivals[text] += 1
        self.arrived_at_ms.setdefault(text, []).append(event.arrived_at_ms)
        self._storing.append(text)
        if event.key:
            self.by_key[event.key] = text
        else:
            self.in_batches[text] += 1

    @property
    def batches(self) -> int:
        """How many requests held a batch."""
        return sum(request.path != "/v1/events" for request in self.standin.requests)

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[dict[str, str]]:
        """Serve until the block ends. Gives the settings of a bridge that sends here."""
        with running(self, port) as url:
            yield {"FLOKIT_API_URL": url, "FLOKIT_API_KEY": PRODUCTION_KEY}
