"""A bridge with a backlog, from its start until everything is sent."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from chaos.clock import SharedClock
from chaos.process import Home, Process

from bench.processes import Server
from bridge.delivery.flokit import MAX_BATCH
from bridge.ledger.sqlite import SqliteLedger
from bridge.standins.flokit import PRODUCTION_KEY
from bridge.standins.server import running
from bridge.values.records import Environment
from bridge.values.times import system_clock

from .customers import SECRET, Customers
from .filling import KEY_PREFIX, fill
from .gate import Gate

MEMORY_MAY_GROW_MB = 64  # SQLite's caches of two connections, a batch in the making, imports of the first requests
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Figures:
    """What came of it. `minutes` are those of the bridge's clock, all other times the machine's."""

    events: int
    requests_per_minute: int
    requests: int
    batches: int
    refused_by_rate_limit: int
    minutes: int
    seconds: float
    cpu_us_an_event: float
    memory_mb_at_start: float
    memory_mb_at_most: float
    webhooks_acknowledged: int
    webhooks_not_acknowledged: int
    webhook_p50_ms: float
    webhook_p99_ms: float
    missing: int
    doubled: int

    def faults(self) -> list[str]:
        """What should not be."""
        # Full batches, single events for the last two minutes' worth, and those that came in at the wrong moment.
        most_requests = self.events // MAX_BATCH + 3 * self.requests_per_minute
        wrong = {
            f"{self.missing} events did not arrive": self.missing,
            f"{self.doubled} events arrived twice": self.doubled,
            f"{self.webhooks_not_acknowledged} webhooks were not acknowledged": self.webhooks_not_acknowledged,
            "no webhook came in meanwhile": not self.webhooks_acknowledged,
            f"FloKit refused {self.refused_by_rate_limit} requests": self.refused_by_rate_limit,
            f"{self.requests} requests took {self.minutes} minutes": self.minutes
            > -(-self.requests // self.requests_per_minute),
            f"{self.requests} requests for {self.events} events": self.requests > most_requests,
            f"memory grew to {self.memory_mb_at_most} MB": self._memory_grew_mb > MEMORY_MAY_GROW_MB,
        }
        return [fault for fault, is_there in wrong.items() if is_there]

    @property
    def _memory_grew_mb(self) -> float:
        return self.memory_mb_at_most - self.memory_mb_at_start

    def __str__(self) -> str:
        return "\n".join(f"{name.replace('_', ' ')}: {value:,}" for name, value in asdict(self).items())


def drain(folder: Path, count: int, requests_per_minute: int, give_up_after_s: float) -> Figures:
    """Fill a ledger with `count` events and let a bridge send them, while webhooks come in."""
    clock = SharedClock.create(folder / "clock", system_clock())
    gate = Gate(clock, requests_per_minute)
    with running(gate) as flokit:
        home = Home(folder, _settings(flokit, requests_per_minute), clock)
        with home.ledger() as ledger:
            fill(ledger, count, clock())
        with home.running() as process, home.ledger() as ledger:
            watched = _Watched(process, gate, Customers(home.url, clock))
            return watched.until(lambda: _is_drained(ledger, clock), count, give_up_after_s)


class _Watched:
    def __init__(self, process: Process, gate: Gate, customers: Customers) -> None:
        self._process = process
        self._gate = gate
        self._customers = customers
        self._server = Server(process.pid, 0)
        self._began_s = time.monotonic()
        self._cpu_s_at_start = self._server.cpu_s()
        self._memory_at_start_mb = process.peak_memory_mb()

    def until(self, is_drained: Callable[[], bool], count: int, give_up_after_s: float) -> Figures:
        with self._customers.paying():
            self._wait(lambda: self._gate.arrived.total() >= count, give_up_after_s)
        self._wait(is_drained, give_up_after_s)
        return self._figures(count)

    def _wait(self, true: Callable[[], bool], give_up_after_s: float) -> None:
        while not true():
            assert time.monotonic() - self._began_s < give_up_after_s, f"not drained: {self._gate.paths}"
            time.sleep(LOOK_EVERY_S)

    def _figures(self, count: int) -> Figures:
        gate, customers = self._gate, self._customers
        expected = {f"{KEY_PREFIX}{number}" for number in range(count)} | set(customers.acknowledged)
        return Figures(
            events=gate.arrived.total(),
            requests_per_minute=gate.requests_per_minute,
            requests=gate.requests,
            batches=gate.paths["/v1/batch/events"],
            refused_by_rate_limit=gate.refused,
            minutes=gate.minutes,
            seconds=round(time.monotonic() - self._began_s, 1),
            cpu_us_an_event=round((self._server.cpu_s() - self._cpu_s_at_start) / gate.arrived.total() * 1e6, 1),
            memory_mb_at_start=round(self._memory_at_start_mb, 1),
            memory_mb_at_most=round(self._process.peak_memory_mb(), 1),
            webhooks_acknowledged=len(customers.acknowledged),
            webhooks_not_acknowledged=len(customers.other_statuses),
            webhook_p50_ms=round(customers.took_ms_at(50), 1),
            webhook_p99_ms=round(customers.took_ms_at(99), 1),
            missing=len(expected - gate.arrived.keys()),
            doubled=sum(times > 1 for times in gate.arrived.values()),
        )


def _settings(flokit_url: str, requests_per_minute: int) -> dict[str, str]:
    return {
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "FLOKIT_API_URL": flokit_url,
        "FLOKIT_API_KEY": PRODUCTION_KEY,
        "FLOKIT_REQUESTS_PER_MINUTE": str(requests_per_minute),
    }


def _is_drained(ledger: SqliteLedger, clock: SharedClock) -> bool:
    return not ledger.pending("stripe", clock(), 1) and ledger.next_ready_ms(Environment.PRODUCTION) is None
