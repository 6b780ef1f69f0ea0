"""What all facts of Google's share: the notification, what Google answered about it, and what the ledger knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import BadNotification, NeedsAnswer
from bridge.sources.base import Memory
from bridge.sources.google.orders import Order
from bridge.sources.google.purchases import Subscription
from bridge.values.reader import Reader
from bridge.values.records import Document, Notification

CLOCKS_DIFFER_MS = 120_000
"""An order counts as paid before a notification up to this long after it; a tester's shortest period is longer."""


@dataclass(frozen=True, slots=True)
class Context:
    """One notification while its facts are stated. `body` is its part about what happened."""

    notification: Notification
    package: str
    body: Reader
    memory: Memory
    answers: Mapping[str, Any]

    @property
    def at_ms(self) -> int:
        """When Google says that it happened."""
        return self.notification.occurred_at_ms

    def fact(self, word: str, *, at_ms: int | None = None, **more: Any) -> Document:
        """One facts document: `word` says what happened, `at_ms` when (default: the notification's own time)."""
        happened_ms = self.at_ms if at_ms is None else at_ms
        facts = {**self._base, "fact": word, "occurred_at_ms": happened_ms, **more}
        return {name: value for name, value in facts.items() if value not in (None, {}, [])}

    def subscription(self, token: str) -> Subscription | None:
        """The subscription of a purchase token; None when Google no longer has it. Raises NeedsAnswer."""
        found = self._answer(f"subscription:{self.package}/{token}")
        return Subscription(Reader(found, "subscription")) if found else None

    def one_time_purchase(self, token: str) -> Reader | None:
        """The one-time purchase of a token; None when Google no longer has it. Raises NeedsAnswer."""
        found = self._answer(f"product:{self.package}/{token}")
        return Reader(found, "purchase") if found else None

    def orders(self, order_ids: Iterable[str]) -> dict[str, Order]:
        """Orders by id; those that Google does not know are left out. Raises NeedsAnswer."""
        wanted = ",".join(order_ids)
        found = self._answer(f"orders:{self.package}/{wanted}") if wanted else {}
        return {order_id: Order(Reader(order, f"order {order_id}")) for order_id, order in found.items()}

    def refunded_orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        """Those of some orders that show a refund, by id. Raises NeedsAnswer."""
        found = self._answer(f"refunds:{self.package}/{','.join(order_ids)}")
        return {order_id: Order(Reader(order, f"order {order_id}")) for order_id, order in found.items()}

    def wait(self, until_ms: int, what: str) -> None:
        """Let Google catch up with its own notification: raises NeedsAnswer until `until_ms` has passed."""
        self._answer(f"wait:{until_ms}/{what}")

    def subject(self, token: str) -> str:
        """What the ledger files a purchase under."""
        return f"{self.package}/{token}"

    def _answer(self, question: str) -> Any:
        if question not in self.answers:
            raise NeedsAnswer(question)
        return self.answers[question]

    @property
    def _base(self) -> Document:
        return {
            "source": "google",
            "store": "google",
            "platform": "android",
            "type": self.notification.type,
            "environment": str(self.notification.environment),
            "notification_id": self.notification.id,
            "received_at_ms": self.notification.received_at_ms,
            "package": self.package,
        }


def environment_of(*, is_test: bool) -> str:
    """Licence testers pay no real money."""
    return "sandbox" if is_test else "production"


def gone() -> BadNotification:
    """The error for a purchase that Google does not have."""
    return BadNotification(
        "Google has no such purchase: it ended more than 60 days ago, or the service account is of another app"
    )


def without_none(facts: Document) -> Document:
    """The facts that there are."""
    return {name: value for name, value in facts.items() if value is not None}
