"""The demo: the real bridge, a stand-in FloKit, and correctly signed life stories over HTTP. No account, no network."""

import queue
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bridge.interpreters import pipelines
from bridge.ledger.sqlite import SqliteLedger
from bridge.process import running_bridge
from bridge.settings import Settings, read_settings
from bridge.standins.clock import MovableClock
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.standins.workspace import StoredEvent, Totals, totals
from bridge.stories.story import Delivery, Story
from bridge.stories.tellers import TELLERS, Teller
from bridge.values.records import Environment
from bridge.values.times import DAY_MS, SECOND_MS

PATIENCE_S = 20.0  # how long one webhook's events may take to arrive before the demo says that something is wrong


@dataclass(slots=True)
class Result:
    """What a story led to at FloKit: to be equal to what the story says itself."""

    source: str
    story: Story
    webhooks: int = 0
    events: list[StoredEvent] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, Totals]:
        """What FloKit was told, by currency."""
        return totals(self.events)

    @property
    def is_right(self) -> bool:
        """Whether FloKit was told what the story says."""
        return self.totals == self.story.totals


@dataclass(frozen=True, slots=True)
class Told:
    """One webhook of a story as it was taken: on which day of the story, what was answered, which events arrived."""

    day: int
    delivery: Delivery
    answers: list[str]
    events: list[StoredEvent]


class Demo:
    """A bridge and a FloKit that run until the block ends; `tell` lets a source tell its story."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._clock = MovableClock(start_ms)
        self._arrived: queue.SimpleQueue[StoredEvent] = queue.SimpleQueue()
        self._stack = ExitStack()

    def __enter__(self) -> "Demo":
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-demo-")))
        flokit = FlokitStandin(self._clock)
        flokit.on_arrival = self._arrived.put
        tellers = {source: make(folder, Settings(), self._start_ms) for source, make in TELLERS.items()}
        self._tellers: dict[str, Teller] = tellers
        settings = self._settings(folder, self._stack.enter_context(running(flokit.app)))
        app = self._stack.enter_context(running_bridge(settings, pipelines(settings), _nowhere, self._clock))
        self._ledger = self._stack.enter_context(closing(SqliteLedger.open(folder / "ledger.sqlite")))
        url = self._stack.enter_context(running(app))
        self._http = self._stack.enter_context(httpx.Client(base_url=url, timeout=PATIENCE_S))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def sources(self) -> list[str]:
        """Who has a story to tell."""
        return list(self._tellers)

    def tell(self, source: str, say: Callable[[Told], None]) -> Result:
        """Send a source's story, webhook by webhook, and `say` each with the events that arrived."""
        teller = self._tellers[source]
        self._clock.now_ms = self._start_ms
        result = Result(source, teller.life(self._start_ms))
        for delivery in result.story.deliveries:
            self._clock.now_ms = max(self._clock.now_ms, delivery.at_ms) + SECOND_MS
            answers = [self._post(source, teller, delivery) for _ in range(delivery.repeats)]
            told = Told(self._day(), delivery, answers, self._await_events(source))
            result.webhooks += delivery.repeats
            result.events += told.events
            say(told)
        return result

    def _settings(self, folder: Path, flokit_url: str) -> Settings:
        environment = {
            "FLOKIT_API_KEY": PRODUCTION_KEY,
            "FLOKIT_API_URL": flokit_url,
            "BRIDGE_LEDGER": f"sqlite:///{folder / 'ledger.sqlite'}",
        }
        for teller in self._tellers.values():
            environment |= teller.environment
            if teller.stage:
                environment |= self._stack.enter_context(teller.stage(self._start_ms, self._clock))
        return read_settings(environment)

    def _post(self, source: str, teller: Teller, delivery: Delivery) -> str:
        headers, body = teller.seal(delivery.body, self._clock())
        answer = self._http.post(f"/webhooks/{source}", content=body, headers=dict(headers))
        status: str = answer.json().get("status", answer.text)
        return status

    def _await_events(self, source: str) -> list[StoredEvent]:
        """The events that have arrived once nothing is left to map or send."""
        give_up_at = time.monotonic() + PATIENCE_S
        while self._busy(source):
            if time.monotonic() > give_up_at:
                raise TimeoutError("the bridge did not come to rest; this is a fault, please report it")
            time.sleep(0.002)
        return list(_drained(self._arrived))

    def _busy(self, source: str) -> bool:
        if self._ledger.next_due_ms(source) is not None:
            return True
        return self._ledger.next_ready_ms(Environment.PRODUCTION) is not None

    def _day(self) -> int:
        return (self._clock() - self._start_ms) // DAY_MS + 1


def _drained(arrived: queue.SimpleQueue[StoredEvent]) -> Iterator[StoredEvent]:
    while not arrived.empty():
        yield arrived.get()


def _nowhere(_lines: bytes) -> None:
    """The demo shows what happens itself; the log has no reader."""
