"""Which plan a subscription or an invoice line is for, in the old places and the new."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bridge.errors import BadNotification
from bridge.values.reader import Reader
from bridge.values.records import Document

# How many of an interval make a year: only to tell dearer from cheaper.
_PER_YEAR = {"day": Decimal(365), "week": Decimal(52), "month": Decimal(12), "year": Decimal(1)}


@dataclass(frozen=True, slots=True)
class Item:
    """One price in one quantity. `per_year` is what it costs in a year in minor units, None when it does not say."""

    price: str | None
    product: str | None
    quantity: int | None
    interval: str | None
    interval_count: int | None
    per_year: Decimal | None
    currency: str | None
    offer: str | None  # the trial offer that the item is in (2026-09-30.endive and later)


def items_of(subscription: Reader) -> dict[str, Item]:
    """The subscription's items by their id; a very old subscription has one plan and no items."""
    rows = subscription.children("items")
    if rows:
        return {row.identifier("id") or str(index): item_of(row) for index, row in enumerate(rows)}
    return {"": item_of(subscription)} if subscription.child("plan") else {}


def item_of(row: Reader) -> Item:
    """A subscription item, invoice line or very old subscription: `pricing` (since basil), `price`, or `plan`."""
    priced = row.child("price") or row.child("plan")
    interval = priced.text("recurring.interval", "interval")
    count = priced.integer("recurring.interval_count", "interval_count") or 1
    quantity = row.integer("quantity")
    trial = row.child("current_trial")
    return Item(
        price=row.identifier("pricing.price_details.price", "price", "plan"),
        product=row.identifier("pricing.price_details.product") or priced.identifier("product"),
        quantity=quantity,
        interval=interval,
        interval_count=count if interval else None,
        per_year=_per_year(_unit_amount(priced), quantity, interval, count),
        currency=priced.text("currency"),
        offer=(trial.identifier("trial_offer") or "trial") if trial else None,
    )


def plan_facts(items: Sequence[Item]) -> Document:
    """The facts about what was bought. Of several items the first by price id stands for all; `price_ids` has each."""
    ordered = sorted(items, key=lambda item: item.price or "")
    if not ordered:
        return {}
    first = ordered[0]
    prices = list(dict.fromkeys(item.price for item in ordered if item.price))  # a price may stand on several lines
    facts = {
        "price_id": first.price,
        "product_id": first.product,
        "quantity": first.quantity,
        "interval": first.interval,
        "interval_count": first.interval_count,
        "price_ids": prices if len(prices) > 1 else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def direction(before: Sequence[Item], now: Sequence[Item]) -> str | None:
    """`upgrade` when the new items cost more in a year, `downgrade` when less; None when the prices do not say."""
    if len({item.currency for item in (*before, *now)}) != 1:
        return None
    costs = [[item.per_year for item in side] for side in (before, now)]
    if any(cost is None for side in costs for cost in side):
        return None
    old, new = (sum((cost for cost in side if cost is not None), Decimal(0)) for side in costs)
    if old == new:
        return None
    return "upgrade" if new > old else "downgrade"


def _unit_amount(priced: Reader) -> Decimal | None:
    units = priced.integer("unit_amount", "amount")
    if units is not None:
        return Decimal(units)
    text = priced.text("unit_amount_decimal", "amount_decimal")
    try:
        return Decimal(text) if text else None
    except ArithmeticError:
        raise BadNotification(f"{priced.at}.unit_amount_decimal: expected a decimal number") from None


def _per_year(unit: Decimal | None, quantity: int | None, interval: str | None, count: int) -> Decimal | None:
    if unit is None or not unit.is_finite() or interval not in _PER_YEAR or count < 1:
        return None
    return unit * (1 if quantity is None else quantity) * _PER_YEAR[interval] / count
