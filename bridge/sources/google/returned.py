"""What went back of an order, by its own history.

Google gives refunds no id: each part is known by when it was created, a full refund by its order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bridge.errors import BadNotification
from bridge.sources.google.money import money_at
from bridge.sources.google.orders import Order, needed, tax_in
from bridge.sources.google.timestamps import milliseconds_at
from bridge.values.money import Basis, Money
from bridge.values.reader import Reader

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back. `which` names it within its order; `at_ms` is when (epoch milliseconds)."""

    which: str
    at_ms: int
    money: Money
    tax: Decimal | None
    source: str
    reason: str | None = None
    basis: Basis = Basis.EXACT


def refunds_of(order: Order) -> list[Refund]:
    """Each part that was given back for good, and what a full refund added. Raises BadNotification."""
    parts = list(_parts(order))
    rest = _rest(order, parts) if order.state == "REFUNDED" else None
    return [*parts, *([rest] if rest else [])]


def presumed(order: Order, at_ms: int) -> Refund | None:
    """A full refund at `at_ms` that was told of and that the order does not show: all that was left, as an estimate."""
    left, tax = _left(order, list(_parts(order)))
    money = Money(left, order.total.currency)
    return Refund("full", at_ms, money, tax, "order.total", basis=Basis.ESTIMATED) if left else None


def _parts(order: Order) -> Iterator[Refund]:
    for event in order.reader.children("orderHistory.partialRefundEvents"):
        if event.text("state") == "PROCESSED_SUCCESSFULLY":
            part = _part(order, event)
            if part.money.amount:
                yield part


def _part(order: Order, event: Reader) -> Refund:
    details = event.child("refundDetails")
    money = _stated(order, details)
    created_ms = milliseconds_at(event, "createTime", "processTime")
    which = f"partial-{needed(created_ms, f'{event.at}.createTime')}"
    at_ms = milliseconds_at(event, "processTime", "createTime")
    source = "order.partialRefundEvents.refundDetails.total"
    return Refund(
        which, needed(at_ms, f"{event.at}.processTime"), needed(money, f"{details.at}.total"), _tax(details), source
    )


def _rest(order: Order, parts: Sequence[Refund]) -> Refund | None:
    """What a full refund gave back beyond the parts before it.

    Google does not say whether its amount is the whole or the rest; it is never more than what was left.
    """
    event = order.reader.child("orderHistory.refundEvent")
    details = event.child("refundDetails")
    stated = _stated(order, details)
    left, tax = _left(order, parts)
    source = "order.total"
    if stated and stated.amount < left:
        left, tax, source = stated.amount, _tax(details), "order.refundEvent.refundDetails.total"
    if not left:
        return None
    at_ms = milliseconds_at(event, "eventTime") or milliseconds_at(order.reader, "lastEventTime") or order.at_ms
    reason = event.text("refundReason")
    return Refund("full", at_ms, Money(left, order.total.currency), tax, source, reason.lower() if reason else None)


def _left(order: Order, parts: Sequence[Refund]) -> tuple[Decimal, Decimal | None]:
    """What the customer still has paid after the parts that went back, and the tax in it where all is known."""
    left = max(order.total.amount - sum((part.money.amount for part in parts), NOTHING), NOTHING)
    taxes = [part.tax for part in parts if part.tax is not None]
    if order.tax is None or len(taxes) < len(parts):
        return left, None
    return left, max(order.tax - sum(taxes, NOTHING), NOTHING)


def _stated(order: Order, details: Reader) -> Money | None:
    money = money_at(details, "total")
    if money and money.currency != order.total.currency:
        raise BadNotification(f"{details.at}.total: expected the currency of the order")
    return money


def _tax(details: Reader) -> Decimal | None:
    money = money_at(details, "total")
    return tax_in(details, money.currency) if money else None
