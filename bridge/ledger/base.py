"""What the bridge asks of a ledger, whatever it is built on. Each backend passes tests/ledger_contract.py.

A ledger holds notifications, events, and memory: what is known of each subscription, payment or customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.ledger.views import Entered
from bridge.values.records import Batch, Document, Environment, Finding, Notification, Pending, Ready
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS

AGES_MS = (MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS, 100 * 365 * DAY_MS)
"""The bounds of a backlog's ages; nothing is older than the last."""


class Conflict(Exception):
    """Another writer was faster, or this is more than the ledger can write in one piece: redo it one by one."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """One memory as it stands: `version` 0 means there is none yet."""

    document: Document
    version: int


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """A memory to write, if it still has the version that was read."""

    document: Document
    version_read: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one kept notification became: written in one piece with its events and memories.

    `answers` is what look-ups gave for it, kept for explanations and for a replay. `anew` are the keys whose event,
    never tried but entered already, by whichever notification, takes the content that it has here.
    """

    seq: int
    findings: Sequence[Finding]
    answers: Mapping[str, Any] = field(default_factory=dict)
    anew: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SentMark:
    """FloKit's 2xx for one event; `event_id` is FloKit's own id where its answer names it."""

    seq: int
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """FloKit refused this event for good: it is kept as *dead*, with the reason."""

    seq: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that did not succeed for now: the event goes again at `due_ms`.

    `in_doubt` is true when FloKit may have taken it all the same (a time-out, a broken connection, garbage).
    """

    seq: int
    status: int  # 0 when there was no answer
    reason: str
    due_ms: int
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Counts of one source: last reception, and notifications by outcome (None: not mapped yet)."""

    source: str
    last_received_ms: int
    by_outcome: Mapping[str | None, int]
    waiting: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still to be sent of one environment.

    `due` events may go now, `later` ones wait for their time after a failure or a rate limit; together they are
    `count`. `by_age` has for each bound of AGES_MS how many were entered less than so many milliseconds ago and no
    less than the bound before; bounds without events may be left out.
    """

    count: int
    due: int
    later: int
    by_age: Sequence[tuple[int, int]]
    oldest_entered_ms: int


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """One screen of numbers for `bridge status`."""

    sources: Sequence[SourceStatus]
    events: Mapping[tuple[str, str], int]  # (environment, state) -> count; state: ready, sent, dead
    oldest_ready_ms: Mapping[str, int]  # environment -> entered_at of the oldest event not sent yet
    totals: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    backlog: Mapping[str, Backlog] = field(default_factory=dict)  # environment -> what is still to be sent
    doubtful: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (environment, state) -> may arrive twice


class Ledger(Protocol):
    """Durable memory. Every method that writes has its data synced to disk when it returns; all raise LedgerError."""

    def keep(self, notifications: Sequence[Notification]) -> list[bool]:
        """Keep proven notifications in one durable write. True for a new one, False for one that is there already."""

    def pending(self, source: str, now_ms: int, limit: int) -> list[Pending]:
        """A source's notifications still to be mapped and due, in the order in which things happened."""

    def next_due_ms(self, source: str) -> int | None:
        """When the source's next notification that waits becomes due; None when nothing is pending."""

    def recall(self, subject: str) -> Remembered:
        """What is known of a subject, such as `stripe:sub_…`."""

    def settle(self, settlements: Sequence[Settlement], memories: Mapping[str, MemoryChange], now_ms: int) -> None:
        """Write what notifications became, their events and memories, all or nothing.

        An event whose key is there already is left alone, unless it is dead, or was never tried and comes from the
        same notification (a replay) or has its key among `Settlement.anew`. Raises Conflict when a memory's version is
        not the one that was read, and when an event of `anew` has been tried meanwhile.
        """

    def entered(self, environment: Environment, keys: Sequence[str]) -> Mapping[str, Entered]:
        """The events of these keys that are there, as they stand, by key."""

    def postpone(self, seq: int, reason: str, due_ms: int, answers: Mapping[str, Any] | None = None) -> None:
        """A look-up has no answer for now: the notification waits until `due_ms`. Keeps answers got so far."""

    def reopen(self, seqs: Sequence[int]) -> int:
        """Make settled notifications pending again (replay). Gives how many there were.

        One whose body was forgotten cannot be mapped again and is left alone.
        """

    def ready(self, environment: Environment, now_ms: int, limit: int) -> list[Ready]:
        """Entered events still to be sent and due, in the order in which things happened."""

    def backlog(self, environment: Environment, now_ms: int) -> int:
        """How many events are due."""

    def batchable(self, environment: Environment, now_ms: int, limit: int) -> int:
        """How many events are due that never left, so that they may go in a batch; counted no further than `limit`."""

    def batch(self, environment: Environment, now_ms: int, limit: int) -> Batch:
        """Of the events that are due and never left, those that happened first."""

    def next_ready_ms(self, environment: Environment) -> int | None:
        """When the next event becomes due; None when all are sent or dead."""

    def about_to_send(self, seqs: Sequence[int], now_ms: int) -> None:
        """Note, before a request leaves, that these events may reach FloKit: they are in doubt until marked.

        Several leave as a batch, without a key. What is in doubt from a batch may arrive twice when it leaves again,
        and so may what FloKit may have had for more than 24 hours, for then it forgets the key: that is noted for good.
        """

    def mark(
        self, sent: Sequence[SentMark], refused: Sequence[Refusal], failed: Sequence[Failure], now_ms: int
    ) -> None:
        """Write what became of a delivery."""

    def mark_batch(self, seqs: Sequence[int], event_ids: Sequence[str], now_ms: int) -> None:
        """Write that FloKit took a whole batch. `event_ids` are FloKit's own, in the same order; none if not named."""

    def forget_bodies(self, before_ms: int, limit: int) -> int:
        """Remove the bodies of settled notifications received, and of events sent, before `before_ms`.

        Of a notification the answers of look-ups go too: both hold personal data. Keys, outcomes, findings and amounts
        stay for good. Pending notifications and unsent events keep their bodies. Gives how many bodies were removed,
        at most `limit`.
        """

    def writable(self) -> None:
        """Raise LedgerError unless a durable write succeeds (for /ready)."""

    def status(self, now_ms: int) -> LedgerStatus:
        """The counts; `now_ms` tells which events are due, and their age."""

    def close(self) -> None:
        """Release everything."""
