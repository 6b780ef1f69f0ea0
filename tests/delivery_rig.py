"""A real ledger, a real stand-in FloKit over HTTP, and a clock to move: what the tests of delivery work with."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx
from starlette.types import Receive, Scope, Send

from bridge.delivery.budget import WindowBudget
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import FlokitClient
from bridge.ledger.base import Settlement
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.standins.clock import MovableClock
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.values.records import Batch, Environment, Event, Finding, Notification, Outcome, Ready
from bridge.values.times import iso

IMPATIENT = httpx.Timeout(connect=5, read=0.15, write=5, pool=5)


class Stage:
    """One running server for many tests: each puts its own stand-in on it."""

    def __init__(self) -> None:
        self.url = ""
        self.standin = FlokitStandin()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.standin.app(scope, receive, send)


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage, served until the block ends."""
    stage = Stage()
    with running(stage) as stage.url:
        yield stage


class Rig:
    """One ledger and one stand-in, which share a clock. Every line of the log is kept."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self.clock = MovableClock()
        self.standin = stage.standin = FlokitStandin(self.clock)
        self.ledger = SqliteLedger.open(folder / "bridge.sqlite")
        self.log: list[dict[str, object]] = []
        self.url = stage.url
        self._clients: list[FlokitClient] = []
        self._notifications = 0

    def deliverer(
        self,
        api_key: str = PRODUCTION_KEY,
        environment: Environment = Environment.PRODUCTION,
        requests_per_minute: int = 90,
        url: str = "",
    ) -> Deliverer:
        """A deliverer as a started process has it: with no memory of what came before but the ledger's."""
        client = FlokitClient(url or self.url, api_key, clock=self.clock, timeouts=IMPATIENT)
        self._clients.append(client)
        return Deliverer(
            self.ledger,
            client,
            environment=environment,
            clock=self.clock,
            budget=WindowBudget(requests_per_minute, self.clock),
            requests_per_minute=requests_per_minute,
            log=self._note,
            rng=Random(7),
        )

    def enter(self, *numbers: int, environment: Environment = Environment.PRODUCTION, user: str = "user_42") -> None:
        """Enter an event `in_<number>` for each number; the larger, the later it happened."""
        self._notifications += 1
        body = b"{}"
        self.ledger.keep(
            [Notification("stripe", f"evt_{self._notifications}", "invoice.paid", environment, 0, self.clock(), body)]
        )
        seq = self.ledger.find(source="stripe")[-1]
        events = [event(number, environment, user) for number in numbers]
        self.ledger.settle([Settlement(seq, [Finding(Outcome.MAPPED, events=events)])], {}, self.clock())

    def drive(self, deliverer: Deliverer, for_ms: int) -> None:
        """Let the deliverer do all it does within so much time of the clock."""
        end_ms = self.clock() + for_ms
        while self.clock() < end_ms:
            wait_ms = deliverer.step()
            self.clock.advance(min(wait_ms, end_ms - self.clock()))

    def stored_keys(self) -> list[str]:
        """The `key` property of what FloKit has stored, in order: also for events that came without a header."""
        return [event.document["properties"]["key"] for event in self.standin.stored]

    def entered(self) -> dict[str, Entered]:
        """All events of the ledger by key."""
        return {event.key: event for event in self.ledger.events(100_000)}

    def states(self) -> dict[str, int]:
        """How many events are ready, sent and dead."""
        counted: dict[str, int] = {}
        for (_, state), count in self.ledger.status(self.clock()).events.items():
            counted[state] = counted.get(state, 0) + count
        return counted

    def close(self) -> None:
        """Close the ledger and all connections."""
        for client in self._clients:
            client.close()
        self.ledger.close()

    def _note(self, event: str, /, **fields: object) -> None:
        self.log.append({"event": event, **fields})


def event(number: int, environment: Environment = Environment.PRODUCTION, user: str = "user_42") -> Event:
    """A renewal of 49.90 dollars that FloKit takes."""
    occurred_at_ms = 1_763_000_000_000 + number * 1_000
    key = f"in_{number}"
    body = (
        f'{{"event":"renewal_completed","user_id":"{user}","timestamp":"{iso(occurred_at_ms)}",'
        f'"properties":{{"revenue":49.90,"currency":"USD","key":"{key}"}}}}'
    )
    return Event("renewal_completed", key, environment, occurred_at_ms, body.encode())


def ready(number: int, user: str = "user_42") -> Ready:
    """The same event as the ledger hands it to delivery."""
    entered = event(number, user=user)
    return Ready(number, entered.key, entered.occurred_at_ms, entered.body)


def batch(*events: Ready) -> Batch:
    """These events as a batch."""
    return Batch([event.seq for event in events], [event.body for event in events], events[0].key)


def numbered(numbers: Iterable[int]) -> list[str]:
    """The keys of the events with these numbers."""
    return [f"in_{number}" for number in numbers]
