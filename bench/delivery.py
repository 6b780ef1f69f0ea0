"""What delivering an event costs, from the ledger and with all that is noted, beside a bare POST of ready batches."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import httpx

from bench.figures import Figure, paired_ratio
from bench.processes import running
from bridge.delivery.budget import WindowBudget
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import MAX_BATCH, FlokitClient
from bridge.ledger.base import Settlement
from bridge.ledger.sqlite import SqliteLedger
from bridge.log import LineLog
from bridge.standins.flokit import PRODUCTION_KEY
from bridge.values.records import Environment, Event, Finding, Notification, Outcome
from bridge.values.times import SECOND_MS, iso, system_clock

NO_LIMIT = 1_000_000
SINGLES = 100  # in a round: few enough that they never go in a batch

# As mappings/stripe.toml makes it of an ordinary renewal.
_BODY = (
    '{{"event":"renewal_completed","user_id":"user_{number}","timestamp":"{when}","properties":{{"plan_id":"pro_monthly",'
    '"revenue":49.90,"currency":"USD","transaction_id":"{key}","store":"stripe","country":"US",'
    '"environment":"production","subscription_id":"sub_1NexampleExampleExample0",'
    '"subscription_customer_id":"cus_Nexample000000","product_id":"prod_Nexample000000","revenue_basis":"exact",'
    '"revenue_source":"invoice.amount_paid","platform":"web","notification_id":"evt_1NexampleExampleExample0",'
    '"received_at":"{when}"}}}}'
)


@dataclass
class Contender:
    """A way to send events, with what each round cost. `prepare` makes ready, uncounted, what sends so many."""

    name: str
    number: int
    prepare: Callable[[int], Callable[[], object]]
    cpu_us: list[float] = field(default_factory=list)

    def round(self, place: int) -> None:
        """Send, and note the CPU time of an event. The first round warms up."""
        send = self.prepare(self.number)
        before_s = time.process_time()
        send()
        if place:
            self.cpu_us.append((time.process_time() - before_s) / self.number * 1e6)


def figures(rounds: int, batches: int) -> list[Figure]:
    """Measure all next to each other, so many batches of 1,000 in each round."""
    with ExitStack() as stack:
        url = stack.enter_context(running("sink")).url
        batched, one_by_one = (stack.enter_context(_bridge(url)) for _ in range(2))
        bare, ours, singles = contenders = [
            Contender("a bare httpx POST of ready batches", batches * MAX_BATCH, stack.enter_context(_bare(url))),
            Contender("delivery in batches", batches * MAX_BATCH, batched),
            Contender("delivery one by one", SINGLES, one_by_one),
        ]
        for place in range(rounds + 1):
            for contender in contenders:
                contender.round(place)
    for contender in contenders:
        print(f"{contender.name}: {statistics.median(contender.cpu_us):.1f} µs of CPU an event")
    print(f"one by one, to batches: {paired_ratio(singles.cpu_us, ours.cpu_us):.0f}")
    return [Figure("deliver to a bare POST", paired_ratio(ours.cpu_us, bare.cpu_us), 2.0)]


@contextmanager
def _bare(url: str) -> Iterator[Callable[[int], Callable[[], None]]]:
    """What somebody would write by hand: POST what is ready, look whether FloKit took it."""
    headers = {"Authorization": f"Bearer {PRODUCTION_KEY}", "Content-Type": "application/json"}

    def prepare(number: int) -> Callable[[], None]:
        bodies = [event.body for event in _events(0, number)]
        joined = (b",".join(bodies[first : first + MAX_BATCH]) for first in range(0, number, MAX_BATCH))
        batches = [b'{"events":[' + body + b"]}" for body in joined]
        return lambda: send(batches)

    def send(batches: list[bytes]) -> None:
        for batch in batches:
            answer = http.post("/v1/batch/events", content=batch).raise_for_status().json()
            if answer["rejected"]:
                raise RuntimeError(f"{answer['rejected']} events were rejected")

    with httpx.Client(base_url=url, headers=headers) as http:
        yield prepare


@contextmanager
def _bridge(url: str) -> Iterator[Callable[[int], Callable[[], None]]]:
    """The bridge's delivery over a ledger of its own: each round enters new events and sends them all."""
    entered = 0
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        ledger = SqliteLedger.open(Path(folder) / "bridge.sqlite")
        stack.callback(ledger.close)
        client = FlokitClient(url, PRODUCTION_KEY)
        stack.callback(client.close)
        nowhere = stack.enter_context(Path("/dev/null").open("wb"))
        deliverer = Deliverer(
            ledger,
            client,
            environment=Environment.PRODUCTION,
            clock=system_clock,
            budget=WindowBudget(NO_LIMIT, system_clock),
            requests_per_minute=SINGLES,
            log=LineLog(nowhere.write),
        )

        def prepare(number: int) -> Callable[[], None]:
            nonlocal entered
            for first in range(entered, entered + number, MAX_BATCH):
                _enter(ledger, _events(first, min(first + MAX_BATCH, entered + number)))
            entered += number
            return send

        def send() -> None:
            while deliverer.step() == 0:
                pass
            if ledger.next_ready_ms(Environment.PRODUCTION) is not None:
                raise RuntimeError("not everything was sent")

        yield prepare


def _enter(ledger: SqliteLedger, events: list[Event]) -> None:
    now_ms = system_clock()
    ledger.keep([Notification("stripe", events[0].key, "invoice.paid", Environment.PRODUCTION, 0, now_ms, b"{}")])
    (pending,) = ledger.pending("stripe", now_ms, 1)
    ledger.settle([Settlement(pending.seq, [Finding(Outcome.MAPPED, events=events)])], {}, now_ms)


def _events(first: int, end: int) -> list[Event]:
    return [_event(number) for number in range(first, end)]


def _event(number: int) -> Event:
    occurred_at_ms = 1_763_000_000_000 + number * SECOND_MS
    key = f"in_1Nexample{number:016}"
    body = _BODY.format(number=number, key=key, when=iso(occurred_at_ms)).encode()
    return Event("renewal_completed", key, Environment.PRODUCTION, occurred_at_ms, body, Decimal("49.90"), "USD")
