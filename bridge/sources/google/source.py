"""States the facts of Google's notifications: one table from Google's types to a function each.

Source: https://developer.android.com/google/play/billing/rtdn-reference
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridge.errors import BadNotification, NotYet
from bridge.sources.base import Memory
from bridge.sources.google import one_time, subscriptions, voids
from bridge.sources.google.booked import REREAD
from bridge.sources.google.common import Context
from bridge.sources.google.orders import Order
from bridge.sources.google.push import developer_notification
from bridge.sources.google.returned import refunds_of
from bridge.values.reader import Reader
from bridge.values.records import Document, Notification
from bridge.values.times import Clock, system_clock

if TYPE_CHECKING:
    from bridge.sources.google.api import PlayApi


class GoogleSource:
    """The notification is a hint: state, money and user come from the Play Developer API."""

    name = "google"
    asks = True

    def __init__(
        self, api: "PlayApi | None" = None, packages: Collection[str] = (), clock: Clock = system_clock
    ) -> None:
        """`packages` are our apps: about others nothing is asked. Without `api` everything waits."""
        self._api = api
        self._packages = frozenset(packages)
        self._clock = clock

    def ask(self, question: str) -> Any:
        """Ask the Play Developer API; see Context for the questions. Raises NotYet."""
        kind, _, about = question.partition(":")
        place, _, rest = about.partition("/")
        if kind == "wait":
            return self._wait(int(place), rest)
        if self._api is None:
            raise NotYet("Google: a service account; none is configured (GOOGLE_APPLICATION_CREDENTIALS)")
        if kind == "subscription":
            return self._api.subscription(place, rest)
        if kind == "product":
            return self._api.one_time_purchase(place, rest)
        orders = self._api.orders(place, rest.split(","))
        return orders if kind == "orders" else {ident: order for ident, order in orders.items() if _shows_refund(order)}

    def state(self, notification: Notification, memory: Memory, answers: Mapping[str, Any]) -> Sequence[Document]:
        """The facts of one notification. Raises BadNotification, NeedsAnswer."""
        try:
            document = Reader(developer_notification(notification.body))
        except ValueError:
            raise BadNotification("the body holds no notification of Google Play") from None
        package = document.text("packageName")
        if package is None:
            raise BadNotification("packageName is missing")
        body = document.child(next((name for name in document.document if name.endswith("Notification")), "none"))
        context = Context(notification, package, body, memory, answers)
        if package not in self._packages:
            return [context.fact("foreign_package")]
        return _FACTS.get(notification.type, _unknown)(context)

    def _wait(self, until_ms: int, what: str) -> bool:
        if self._clock() < until_ms:
            raise NotYet(what)
        return True


def _shows_refund(order: Document) -> bool:
    try:
        return bool(refunds_of(Order(Reader(order))))
    except BadNotification:
        return True  # to be told of when its facts are stated


def _only(word: str) -> Callable[[Context], list[Document]]:
    return lambda context: [context.fact(word)]


def _unknown(context: Context) -> list[Document]:
    """A number or a body that Google added: kept, counted, and mapped by a replay once it is known."""
    return [context.fact("unknown")]


_FACTS: Mapping[str, Callable[[Context], list[Document]]] = {
    **dict.fromkeys(subscriptions.TYPES, subscriptions.subscription),
    "SUBSCRIPTION_PRICE_CHANGE_CONFIRMED": _only("price_change"),
    "SUBSCRIPTION_PRICE_CHANGE_UPDATED": _only("price_change"),
    "SUBSCRIPTION_PRICE_STEP_UP_CONSENT_UPDATED": _only("price_change"),
    "SUBSCRIPTION_PAUSE_SCHEDULE_CHANGED": _only("pause_scheduled"),
    "SUBSCRIPTION_PENDING_PURCHASE_CANCELED": _only("purchase_abandoned"),
    "ONE_TIME_PRODUCT_PURCHASED": one_time.bought_once,
    "ONE_TIME_PRODUCT_CANCELED": _only("purchase_abandoned"),
    "voidedPurchaseNotification": voids.voided,
    "pendingRefundReviewNotification": _only("refund_review"),
    "testNotification": _only("test"),
    REREAD: voids.reread,
}

TYPES = frozenset(_FACTS)
"""The types that state facts of their own; Google adds others."""
