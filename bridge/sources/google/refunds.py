"""Money out: the refunds that an order shows."""

from decimal import Decimal
from typing import Any

from bridge.sources.google.common import Context, without_none
from bridge.sources.google.orders import Order
from bridge.sources.google.returned import Refund, refunds_of
from bridge.values.money import Basis, Money
from bridge.values.records import Document


def money_of(money: Money, tax: Decimal | None, source: str, basis: Basis = Basis.EXACT) -> Document:
    """An amount as facts state it, with its tax and what it comes to without."""
    net = None if tax is None else money.amount - tax
    stated = {"amount": money.amount, "currency": money.currency, "basis": str(basis), "source": source}
    return stated | without_none({"tax": tax, "net": net})


def refunded(context: Context, order: Order, **about: Any) -> list[Document]:
    """Every refund that an order shows, each a fact of its own."""
    return [refund_fact(context, order, refund, **about) for refund in refunds_of(order)]


def refund_fact(context: Context, order: Order, refund: Refund, **about: Any) -> Document:
    """One refund of an order."""
    kind = "full" if refund.which == "full" else "partial"
    stated = {"id": f"{order.id}:{refund.which}", "kind": kind, "reason": refund.reason}
    return context.fact(
        "refund",
        at_ms=refund.at_ms,
        transaction_id=order.id,
        which=refund.which,
        money=money_of(refund.money, refund.tax, refund.source, refund.basis),
        refund=without_none(stated),
        **{"plan": order.lines[0].item.plan, **about},
    )
