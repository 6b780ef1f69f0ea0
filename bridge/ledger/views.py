"""What a ledger shows to people: a kept notification with all that became of it, and an event with its state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bridge.values.records import Document, Environment, Outcome, Pending


@dataclass(frozen=True, slots=True)
class Entered:
    """An event as it stands in the ledger.

    `notification` is the seq of the one that entered it; `state` is ready, sent or dead; `last_status` is the HTTP
    status of FloKit's last refusal or failure (0: no answer; None: there was none, or it is sent). Times are epoch
    milliseconds. `may_be_doubled` is true when FloKit may have had it and no key tells so when it comes again: it may
    arrive, or have arrived, twice. `leaving` is true while a try has begun and how it ended is not written yet.
    `in_doubt` is true when a try that has ended may have reached FloKit, be it before the one that is known to have.
    """

    seq: int
    environment: Environment
    key: str
    name: str
    notification: int
    occurred_at_ms: int
    entered_at_ms: int
    revenue: Decimal | None
    currency: str | None
    state: str
    attempts: int
    due_at_ms: int
    last_status: int | None
    last_reason: str
    sent_at_ms: int | None
    flokit_event_id: str
    body: bytes = field(repr=False)
    may_be_doubled: bool = False
    leaving: bool = False
    in_doubt: bool = False

    @property
    def may_change(self) -> bool:
        """Whether FloKit does not have it as it stands: it was never tried, or FloKit refused it."""
        return self.state == "dead" or not (self.attempts or self.leaving)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept notification and what became of it.

    `outcome` is None while it is pending. A finding is a document with `outcome`, `rule`, `reason`, `facts` and
    `keys`; `events` are the ledger's events of these keys, also those which another notification entered. When it is
    `forgotten` its body and the answers of look-ups were removed for their age: it cannot be mapped again.
    """

    pending: Pending
    outcome: Outcome | None
    waiting_for: str
    findings: Sequence[Document] = field(repr=False)
    events: Sequence[Entered]
    forgotten: bool = False
