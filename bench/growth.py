"""What keeping a notification and delivering its event cost in a ledger with a long history, beside an empty one."""

import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bench.figures import Figure, paired_ratio
from bench.full_ledger import make
from bridge.ledger.base import MemoryChange, SentMark, Settlement
from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Environment, Event, Finding, Notification, Outcome
from bridge.values.times import system_clock

ROWS = 5_000_000
QUICK_ROWS = 100_000
GROUP = 8  # what one durable write holds at a moderate load
AT_ONCE = 32  # what the pipeline maps in one piece
BATCH = 100
_BODIES = [os.urandom(size // 2).hex().encode() for size in (3_000, 5_000, 3_000, 9_000)]
_LIVE = Environment.PRODUCTION


@dataclass
class _Contender:
    """A ledger, and the CPU time that each round took, in microseconds for each notification."""

    name: str
    ledger: SqliteLedger
    keep_us: list[float] = field(default_factory=list)
    deliver_us: list[float] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Keep so many notifications, enter an event of each, and send them."""
        notifications = list(_notifications(number))
        self.keep_us.append(_cpu_us(lambda: self._keep(notifications)) / number)
        self.deliver_us.append(_cpu_us(self._deliver) / number)

    def _keep(self, notifications: list[Notification]) -> None:
        for start in range(0, len(notifications), GROUP):
            self.ledger.keep(notifications[start : start + GROUP])

    def _deliver(self) -> None:
        for source in ("stripe", "apple", "google"):
            while pending := self.ledger.pending(source, system_clock(), AT_ONCE):
                settlements = [Settlement(one.seq, [_finding()]) for one in pending]
                subjects = [f"{source}:sub_1N{_letters()}" for _ in pending]
                known = {subject: self.ledger.recall(subject).version for subject in subjects}
                memories = {subject: MemoryChange({"user": "u"}, version) for subject, version in known.items()}
                self.ledger.settle(settlements, memories, system_clock())
        while ready := self.ledger.ready(_LIVE, system_clock(), BATCH):
            self.ledger.about_to_send([one.seq for one in ready], system_clock())
            self.ledger.mark([SentMark(one.seq) for one in ready], [], [], system_clock())


def figures(rounds: int, number: int, rows: int) -> list[Figure]:
    """Measure both in turns, `number` notifications each in each round; the first round warms up."""
    with tempfile.TemporaryDirectory() as folder:
        began_at = time.monotonic()
        make(Path(folder, "full.sqlite"), rows)
        print(f"a ledger with {rows:,} notifications was made in {time.monotonic() - began_at:.0f} s")
        with (
            closing(SqliteLedger.open(Path(folder, "full.sqlite"))) as full,
            closing(SqliteLedger.open(Path(folder, "empty.sqlite"))) as empty,
        ):
            old, new = _Contender("full", full), _Contender("empty", empty)
            for place in range(rounds + 1):
                for contender in (old, new) if place % 2 else (new, old):
                    contender.round(number)
            _show(old)
            _show(new)
            return _figures(old, new, rows)


def _figures(full: _Contender, empty: _Contender, rows: int) -> list[Figure]:
    history = f"at {rows / 1e6:g}M notifications to empty"
    return [
        Figure(f"keep {history}", paired_ratio(full.keep_us[1:], empty.keep_us[1:]), 1.3),
        Figure(f"deliver {history}", paired_ratio(full.deliver_us[1:], empty.deliver_us[1:]), 1.3),
    ]


def _show(contender: _Contender) -> None:
    keep_us, deliver_us = statistics.median(contender.keep_us[1:]), statistics.median(contender.deliver_us[1:])
    status_ms = _cpu_us(lambda: contender.ledger.status(system_clock())) / 1_000
    print(f"{contender.name} ledger: keep {keep_us:.0f} µs, deliver {deliver_us:.0f} µs, status {status_ms:.1f} ms")


def _notifications(number: int) -> Iterator[Notification]:
    for place in range(number):
        source, id_ = _SOURCES[place % 3]
        now_ms = system_clock()
        yield Notification(source, id_(), "invoice.paid", _LIVE, now_ms, now_ms, _BODIES[place % 4])


def _finding() -> Finding:
    key = f"in_1N{_letters()}"
    return Finding(
        Outcome.MAPPED,
        rule="renewal",
        events=[Event("renewal_completed", key, _LIVE, system_clock(), _BODIES[0][:550], Decimal("9.99"), "USD")],
    )


def _letters() -> str:
    return os.urandom(9).hex()


def _cpu_us(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return (time.process_time() - began_s) * 1e6


_SOURCES: list[tuple[str, Callable[[], str]]] = [
    ("stripe", lambda: f"evt_1N{_letters()}"),
    ("apple", lambda: str(uuid.uuid4())),
    ("google", lambda: str(18_000_000_000_000_000 + time.time_ns())),
]
