"""Which orders the ledger has booked, by the hour in which they were paid, so that they can be looked at again.

Money that is given back without taking access away raises no notification; only the orders themselves show it.
"""

from collections.abc import Iterable

from bridge.sources.google.common import Context
from bridge.sources.google.orders import Order
from bridge.values.times import HOUR_MS

REREAD = "BRIDGE_ORDERS_REREAD"
"""The type of the bridge's own notifications. No body of Google's can have it: its types come from a fixed list."""


def hour_of(at_ms: int) -> int:
    """The number of the hour, counted from 1970."""
    return at_ms // HOUR_MS


def subject_of(hour: int) -> str:
    """What the ledger files the orders of an hour under."""
    return f"booked/{hour}"


def book(context: Context, orders: Iterable[Order], *, is_test: bool) -> None:
    """Remember real sales, each with its package and the purchase it belongs to."""
    for order in orders:
        if is_test or not order.is_paid or not order.total.amount:
            continue
        subject = subject_of(hour_of(order.at_ms))
        known: dict[str, list[str]] = context.memory.recall(subject).get("orders", {})
        ids = known.setdefault(context.package, [])
        if order.id not in ids:
            ids.append(order.id)
            context.memory.remember(subject, orders=known)
