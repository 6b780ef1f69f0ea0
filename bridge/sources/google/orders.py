"""An order of Google Play: what was paid, when, and for what.

Source: https://developers.google.com/android-publisher/api-ref/rest/v3/orders
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from bridge.errors import BadNotification
from bridge.sources.google.money import money_at
from bridge.sources.google.timestamps import milliseconds_at
from bridge.values.money import Money
from bridge.values.reader import Reader
from bridge.values.records import Document

PAID = frozenset({"PROCESSED", "PARTIALLY_REFUNDED", "REFUNDED", "PENDING_REFUND"})
"""An order that was refunded was paid first: the sale counts, and the refund beside it."""

FIRST = -1
"""The number of a subscription's first order; its renewals have 0, 1, … behind two dots."""

_RENEWAL = re.compile(r"(?P<base>.+)\.\.(?P<number>[0-9]{1,4})", re.DOTALL)
FREE_TRIAL, BASE, INTRODUCTORY, PRORATION = "free_trial", "base", "introductory", "proration"
_PHASES: Mapping[str, str] = {
    "freeTrialDetails": FREE_TRIAL,
    "baseDetails": BASE,
    "introductoryPriceDetails": INTRODUCTORY,
    "prorationPeriodDetails": PRORATION,
}
# The older field, to be shut down in August 2028, has words instead of objects.
_OLD_PHASES: Mapping[str, str] = {
    "FREE_TRIAL": FREE_TRIAL,
    "BASE": BASE,
    "INTRODUCTORY": INTRODUCTORY,
    "PRORATION": PRORATION,
}


def split_id(order_id: str) -> tuple[str, int]:
    """`GPA.1..4` as (`GPA.1`, 4); a first order has the number FIRST."""
    match = _RENEWAL.fullmatch(order_id)
    return (match["base"], int(match["number"])) if match else (order_id, FIRST)


def join_id(base: str, number: int) -> str:
    """The other way round."""
    return base if number == FIRST else f"{base}..{number}"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order."""

    reader: Reader

    @property
    def product_id(self) -> str | None:
        """The product that was bought."""
        return self.reader.text("productId")

    @property
    def plan(self) -> Document:
        """Product, base plan and offer."""
        details = self.reader.child("subscriptionDetails")
        return plan_of(self.product_id, details.text("basePlanId"), details.text("offerId"))

    @property
    def phase(self) -> str:
        """What kind of period it pays for, empty when Google does not say. The objects that say so are empty."""
        details = self.reader.child("subscriptionDetails")
        stated = details.child("offerPhaseDetails")
        named = next((phase for key, phase in _PHASES.items() if stated.has(key)), "")
        return named or _OLD_PHASES.get(details.text("offerPhase") or "", "")

    @property
    def was_prorated_in_trial(self) -> bool:
        """Whether it pays for the rest of a period after a change of plan that came within the trial."""
        place = "subscriptionDetails.offerPhaseDetails.prorationPeriodDetails.originalOfferPhase"
        return self.reader.text(place) == "FREE_TRIAL"

    @property
    def quantity(self) -> int | None:
        """How many, of a one-time product."""
        return self.reader.integer("oneTimePurchaseDetails.quantity")

    @property
    def period_ms(self) -> tuple[int | None, int | None]:
        """From when to when it pays for."""
        details = self.reader.child("subscriptionDetails")
        return milliseconds_at(details, "servicePeriodStartTime"), milliseconds_at(details, "servicePeriodEndTime")


def plan_of(product_id: str | None, base_plan_id: str | None, offer_id: str | None = None) -> Document:
    """A plan as facts state it: its id names product and base plan, since base plans are named within a product."""
    ident = "/".join(part for part in (product_id, base_plan_id) if part)
    parts = {"id": ident or None, "product_id": product_id, "base_plan_id": base_plan_id, "offer_id": offer_id}
    return {name: value for name, value in parts.items() if value is not None}


@dataclass(frozen=True)
class Order:
    """One order as the Play Developer API states it."""

    reader: Reader

    @cached_property
    def id(self) -> str:
        """The whole id, with its `..n`."""
        ident: str = needed(self.reader.text("orderId"), f"{self.reader.at}.orderId")
        return ident

    @property
    def number(self) -> int:
        """Its place among the subscription's orders, from FIRST on."""
        return split_id(self.id)[1]

    @property
    def state(self) -> str:
        """Google's word."""
        return self.reader.text("state") or ""

    @property
    def is_paid(self) -> bool:
        """Whether money (be it none) was really taken."""
        return self.state in PAID

    @cached_property
    def total(self) -> Money:
        """What the customer finally paid, tax included, after discounts."""
        total: Money = needed(money_at(self.reader, "total"), f"{self.reader.at}.total")
        return total

    @property
    def tax(self) -> Decimal | None:
        """The tax within the total."""
        return tax_in(self.reader, self.total.currency)

    @cached_property
    def at_ms(self) -> int:
        """When it was paid."""
        stated_ms = milliseconds_at(self.reader, "orderHistory.processedEvent.eventTime", "createTime")
        at_ms: int = needed(stated_ms, f"{self.reader.at}.createTime")
        return at_ms

    @property
    def country(self) -> str | None:
        """Of the buyer's address."""
        return self.reader.text("buyerAddress.buyerCountry")

    @property
    def purchase_token(self) -> str | None:
        """The purchase it belongs to."""
        return self.reader.text("purchaseToken")

    @cached_property
    def items(self) -> Sequence[Item]:
        """What was bought."""
        return [Item(row) for row in self.reader.children("lineItems")]

    @property
    def lines(self) -> "Sequence[Line]":
        """The order item by item, or in one piece where there is only one item or the items do not add up to it."""
        return _split(self) or [Line(self.id, self.items[0] if self.items else Item(Reader({})), self.total, self.tax)]


@dataclass(frozen=True, slots=True)
class Line:
    """What was paid for one item. `key` names its sale."""

    key: str
    item: Item
    total: Money
    tax: Decimal | None
    source: str = "order.total"

    @property
    def is_trial(self) -> bool:
        """Whether it pays (nothing) for a free trial; without a stated phase, one that costs nothing is one."""
        return self.item.phase == FREE_TRIAL or not (self.item.phase or self.total.amount)

    @property
    def is_of_trial(self) -> bool:
        """The same, or the rest of a trial that a change of plan has cut short."""
        return self.is_trial or (self.item.was_prorated_in_trial and not self.total.amount)


def _split(order: Order) -> list[Line]:
    totals = [money_at(item.reader, "total") for item in order.items]
    priced = [total for total in totals if total and total.currency == order.total.currency]
    named = {item.product_id for item in order.items} - {None}
    adds_up = sum((total.amount for total in priced), Decimal(0)) == order.total.amount
    if not len(named) == len(priced) == len(order.items) > 1 or not adds_up:
        return []
    return [
        Line(f"{order.id}:{item.product_id}", item, total, tax_in(item.reader, total.currency), "order.lineItems.total")
        for item, total in zip(order.items, priced, strict=True)
    ]


def tax_in(document: Reader, currency: str) -> Decimal | None:
    """The tax beside an amount, if it is stated in the same currency."""
    tax = money_at(document, "tax")
    return tax.amount if tax and tax.currency == currency else None


def needed(value: Any, where: str) -> Any:
    """The value, or BadNotification naming the field that is missing."""
    if value is None:
        raise BadNotification(f"{where} is missing")
    return value
