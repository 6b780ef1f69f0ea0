"""The three records that travel through the bridge: a notification, an event, and what became of a notification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

Document = dict[str, Any]
"""A JSON object as Python holds it: numbers are int or Decimal, never float."""


class Environment(StrEnum):
    """Whether money is real. Sandbox money never reaches the production key."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
    UNKNOWN = "unknown"  # only a look-up will tell (Google licence testers)


class Outcome(StrEnum):
    """What became of a proven notification."""

    MAPPED = "mapped"
    IGNORED = "ignored"
    UNMAPPED = "unmapped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notification:
    """One proven webhook, kept as it came.

    `id` is the source's own id for it, the same on every repeat. Times are epoch milliseconds; `occurred_at_ms` is
    when the source says it made the notification. `hint` is a sentence for the sender (shown in its dashboard) when
    the notification is of a kind the bridge cannot use.
    """

    source: str
    id: str
    type: str
    environment: Environment
    occurred_at_ms: int
    received_at_ms: int
    body: bytes = field(repr=False)
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One taxonomy event, ready to send.

    `name` is the bridge's own name (taxonomy.toml may send it under another). `key` names the fact, not the delivery:
    the ledger holds each key once per environment. `body` is the JSON exactly as FloKit gets it. `revenue` is signed.
    """

    name: str
    key: str
    environment: Environment
    occurred_at_ms: int
    body: bytes = field(repr=False)
    revenue: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one stated fact of a notification led to, and why: the rule, or the reason there is none."""

    outcome: Outcome
    reason: str = ""
    rule: str = ""
    facts: Document = field(default_factory=dict, repr=False)
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A kept notification that is to be mapped: `seq` is its place in the ledger, `answers` what came of look-ups."""

    seq: int
    notification: Notification
    attempts: int = 0
    answers: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Ready:
    """An entered event that is still to be sent, as the ledger hands it to delivery.

    `attempts` counts tries so far. `in_doubt` is true when an earlier try may have reached FloKit without an answer
    seen; `first_tried_at_ms` is when that was (FloKit honours an Idempotency-Key for 24 hours from then).
    """

    seq: int
    key: str
    occurred_at_ms: int
    body: bytes = field(repr=False)
    attempts: int = 0
    in_doubt: bool = False
    first_tried_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that never left, to go in one request, as the ledger hands them to delivery.

    `seqs` and `bodies` stand in the order in which things happened; `key` is the first one's.
    """

    seqs: Sequence[int]
    bodies: Sequence[bytes] = field(repr=False)
    key: str
