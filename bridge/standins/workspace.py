"""One workspace of the stand-in FloKit: what it stored, the keys it remembers, the requests of the last minute."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bridge.values.records import Document
from bridge.values.times import DAY_MS, MINUTE_MS, SECOND_MS

KEY_REMEMBERED_MS = DAY_MS  # FloKit, "Send events": an Idempotency-Key is honoured for 24 hours


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as FloKit keeps it. Numbers in `document` are int or Decimal; `key` is empty for one from a batch."""

    event_id: str
    workspace: str
    key: str
    arrived_at_ms: int
    document: Document


@dataclass(slots=True)
class Totals:
    """The money of one currency. `given_back` is less what came back of it: failed refunds, disputes won."""

    sold: Decimal = Decimal(0)
    given_back: Decimal = Decimal(0)

    @property
    def kept(self) -> Decimal:
        """What was sold less what was given back."""
        return self.sold - self.given_back


@dataclass(slots=True)
class Workspace:
    """One workspace with its keys. The limit holds for every 60 seconds, however they are cut."""

    name: str
    api_key: str = field(repr=False)
    read_only_key: str = field(default="", repr=False)
    requests_per_minute: int = 100
    integrations: list[Document] = field(default_factory=list)
    stored: list[StoredEvent] = field(default_factory=list)
    _remembered: dict[str, StoredEvent] = field(default_factory=dict)
    _requests_at_ms: deque[int] = field(default_factory=deque)

    def admit(self, now_ms: int) -> int:
        """Count one request. Gives 0 if it is within the limit, else the seconds until the next one is."""
        while self._requests_at_ms and self._requests_at_ms[0] <= now_ms - MINUTE_MS:
            self._requests_at_ms.popleft()
        if len(self._requests_at_ms) < self.requests_per_minute:
            self._requests_at_ms.append(now_ms)
            return 0
        return -((now_ms - self._requests_at_ms[0] - MINUTE_MS) // SECOND_MS)

    def known(self, key: str, now_ms: int) -> StoredEvent | None:
        """The event that was stored under this Idempotency-Key in the last 24 hours."""
        event = self._remembered.get(key) if key else None
        return event if event and now_ms - event.arrived_at_ms < KEY_REMEMBERED_MS else None

    def store(self, document: Document, key: str, now_ms: int) -> StoredEvent:
        """Keep a valid event."""
        event = StoredEvent(f"evt_{self.name}_{len(self.stored) + 1}", self.name, key, now_ms, document)
        self.stored.append(event)
        if key:
            self._remembered[key] = event
        return event


def problem_of(event: object) -> str:
    """What FloKit would say against this event; empty when it is valid (FloKit, "Server-side events")."""
    if not isinstance(event, dict):
        return "an event must be an object"
    if not _text(event, "event"):
        return "event is required"
    if not (_text(event, "user_id") or _text(event, "anonymous_id")):
        return "user_id or anonymous_id is required"
    if not _is_moment(_text(event, "timestamp")):
        return "timestamp must be an ISO 8601 time"
    return "" if isinstance(event.get("properties", {}), dict) else "properties must be an object"


def totals(events: Iterable[StoredEvent]) -> dict[str, Totals]:
    """What was sold, given back and kept, per currency, by the signed `revenue` of the events."""
    by_currency: defaultdict[str, Totals] = defaultdict(Totals)
    for event in events:
        properties = event.document.get("properties", {})
        if "revenue" in properties:
            total, revenue = by_currency[properties.get("currency", "")], Decimal(properties["revenue"])
            if "refund_id" in properties:  # a refund, or the return of one
                total.given_back -= revenue
            else:
                total.sold += revenue
    return dict(by_currency)


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else ""


def _is_moment(text: str) -> bool:
    try:
        return "T" in text and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
