"""Stripe's invoices with their lines, in the shape of any generation.

Times are epoch seconds, amounts whole minor units. `**fields` replaces or adds any field.
"""
# ruff: noqa: A002, PLR0913 - the parameters are the fields of Stripe's objects, by its names

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.stories.stripe_objects import ADDRESS, Price, plan_object, price_object
from bridge.stories.stripe_subscriptions import list_object
from bridge.stories.stripe_versions import ENDIVE, Generation
from bridge.values.records import Document

_LINE: Document = {
    "object": "line_item",
    "description": "Example plan",
    "discount_amounts": [],
    "discountable": True,
    "discounts": [],
    "livemode": True,
}
_INVOICE: Document = {
    "object": "invoice",
    "account_country": "US",
    "account_name": "Example",
    "amount_remaining": 0,
    "attempt_count": 1,
    "attempted": True,
    "auto_advance": False,
    "collection_method": "charge_automatically",
    "customer_address": ADDRESS,
    "customer_name": None,
    "due_date": None,
    "livemode": True,
    "metadata": {},
    "next_payment_attempt": None,
    "status": "paid",
}


def line(
    price: Price,
    *,
    period: tuple[int, int],
    amount: int | None = None,
    quantity: int = 1,
    subscription: str | None = None,
    item: str | None = None,
    proration: bool = False,
    metadata: Mapping[str, str] | None = None,
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """One line: for a period of a subscription item, a proration of one, or (without `item`) an item of its own."""
    found: Document = {
        "id": f"il_{price.id.partition('_')[2]}",
        **_LINE,
        "amount": price.unit_amount * quantity if amount is None else amount,
        "currency": price.currency,
        "metadata": dict(metadata or {}),
        "period": {"start": period[0], "end": period[1]},
        "quantity": quantity,
    }
    if generation.old_fields:
        found |= _old_line(price, subscription, item, proration, generation)
    if generation.new_fields:
        found |= _new_line(price, subscription, item, proration)
    if generation.since("2025-09-30"):
        found["subtotal"] = found["amount"]
    return found | fields


def invoice(
    id: str,
    lines: Sequence[Document],
    *,
    customer: str,
    created: int,
    reason: str | None,
    subscription: str | None = None,
    metadata: Mapping[str, str] | None = None,
    tax: int = 0,
    discount: int = 0,
    starting_balance: int = 0,
    payment: str | None = None,
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """A paid invoice. `tax` comes on top of the lines, `discount` off them, and a negative `starting_balance` is
    customer credit that is used up first. `metadata` is the subscription's; `payment` names its payment intent, which
    versions before basil show."""
    subtotal = sum(row["amount"] for row in lines)
    found: Document = {
        "id": id,
        **_INVOICE,
        **_amounts(subtotal, subtotal - discount + tax, starting_balance),
        "billing_reason": reason,
        "created": created,
        "currency": lines[0]["currency"],
        "customer": customer,
        "customer_email": f"{customer}@example.com",
        "discounts": ["di_1Pexample"] if discount else [],
        "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_1Pexample/{id}?s=ap",
        "invoice_pdf": f"https://pay.stripe.com/invoice/acct_1Pexample/{id}/pdf?s=ap",
        "lines": list_object(lines, f"/v1/invoices/{id}/lines"),
        "number": f"EXAMPLE1-{id[-4:].upper()}",
        "period_start": created,
        "period_end": created,
        "status_transitions": {"finalized_at": created, "paid_at": created},
        "total_discount_amounts": [{"amount": discount, "discount": "di_1Pexample"}] if discount else [],
    }
    if generation.since("2022-11-15"):
        found |= {"subtotal_excluding_tax": subtotal, "total_excluding_tax": subtotal - discount}
    if generation.old_fields:
        found |= _old_invoice(subscription, metadata, tax, payment if found["amount_paid"] else None)
    if generation.new_fields:
        found |= _new_invoice(subscription, metadata, tax)
    return found | fields


def _amounts(subtotal: int, total: int, starting_balance: int) -> Document:
    due = max(total + starting_balance, 0)
    return {
        "subtotal": subtotal,
        "total": total,
        "starting_balance": starting_balance,
        "ending_balance": min(total + starting_balance, 0),
        "amount_due": due,
        "amount_paid": due,
    }


def _old_line(
    price: Price, subscription: str | None, item: str | None, proration: bool, generation: Generation
) -> Document:
    found: Document = {
        "plan": plan_object(price) if price.interval else None,
        "proration": proration,
        "subscription": subscription,
        "tax_amounts": [],
        "tax_rates": [],
        "type": "subscription" if item and not proration else "invoiceitem",
    }
    if item:
        found["subscription_item"] = item
    if generation.since("2020-08-27"):
        found["price"] = price_object(price)
    return found


def _new_line(price: Price, subscription: str | None, item: str | None, proration: bool) -> Document:
    kind = "subscription_item_details" if item else "invoice_item_details"
    details = {
        "invoice_item": None if item else "ii_1Pexample",
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription,
    }
    if item:
        details["subscription_item"] = item
    return {
        "parent": {"invoice_item_details": None, "subscription_item_details": None, "type": kind, kind: details},
        "pricing": {
            "price_details": {"price": price.id, "product": price.product},
            "type": "price_details",
            "unit_amount_decimal": str(price.unit_amount),
        },
        "taxes": [],
    }


def _old_invoice(
    subscription: str | None, metadata: Mapping[str, str] | None, tax: int, payment: str | None
) -> Document:
    return {
        "application_fee_amount": None,
        "charge": f"ch_{payment.partition('_')[2]}" if payment else None,
        "discount": None,
        "paid": True,
        "paid_out_of_band": False,
        "payment_intent": payment,
        "quote": None,
        "subscription": subscription,
        "subscription_details": {"metadata": dict(metadata or {})} if subscription else None,
        "tax": tax or None,
        "total_tax_amounts": [{"amount": tax, "inclusive": False, "tax_rate": "txr_1Pexample"}] if tax else [],
    }


def _new_invoice(subscription: str | None, metadata: Mapping[str, str] | None, tax: int) -> Document:
    details = {"metadata": dict(metadata or {}), "subscription": subscription}
    parent = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
    taxes = {"amount": tax, "tax_behavior": "exclusive", "type": "tax_rate_details"}
    return {
        "amount_overpaid": 0,
        "confirmation_secret": None,
        "parent": parent if subscription else None,
        "total_taxes": [taxes] if tax else [],
    }
