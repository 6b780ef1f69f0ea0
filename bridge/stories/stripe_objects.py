"""Stripe's events, prices, customers and Checkout sessions, in the shape of any generation of its API.

Each function gives a plain document with the fields that Stripe documents; `**fields` replaces or adds any of them.
Times are epoch seconds, amounts whole minor units, as Stripe has them. Subscriptions, invoices and payments stand in
the modules beside this one.
"""
# ruff: noqa: A002, PLR0913 - the parameters are the fields of Stripe's objects, by its names

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.stories.stripe_versions import ENDIVE, Generation
from bridge.values.records import Document

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
MONTH_S = 30 * DAY_S

PRICES_SINCE_S = 1_546_300_800  # when the prices of these samples were made
ADDRESS: Document = {"city": None, "country": "US", "line1": None, "line2": None, "postal_code": "94107"}

_CUSTOMER: Document = {
    "object": "customer",
    "address": None,
    "balance": 0,
    "currency": None,
    "delinquent": False,
    "description": None,
    "invoice_prefix": "EXAMPLE1",
    "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
    "livemode": True,
    "metadata": {},
    "name": None,
    "phone": None,
    "preferred_locales": [],
    "shipping": None,
    "tax_exempt": "none",
}
_SESSION: Document = {
    "object": "checkout.session",
    "cancel_url": "https://app.example.com/pricing",
    "client_reference_id": None,
    "customer": None,
    "customer_details": {"address": ADDRESS, "email": "buyer@example.com", "name": None, "phone": None},
    "customer_email": None,
    "invoice": None,
    "livemode": True,
    "metadata": {},
    "payment_intent": None,
    "status": "complete",
    "subscription": None,
    "success_url": "https://app.example.com/welcome",
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "url": None,
}


@dataclass(frozen=True, slots=True)
class Price:
    """What is sold: `unit_amount` minor units for one, each `interval_count` intervals; `interval` None is one-time."""

    id: str
    product: str
    unit_amount: int
    currency: str = "usd"
    interval: str | None = "month"
    interval_count: int = 1


def event(
    kind: str,
    thing: Mapping[str, Any],
    *,
    id: str,
    created: int,
    generation: Generation = ENDIVE,
    previous: Mapping[str, Any] | None = None,
    livemode: bool = True,
    **fields: Any,
) -> Document:
    """The event around an object. `previous` are the changed fields with their old values; Connect adds `account`."""
    about = {**thing, "livemode": livemode} if "livemode" in thing else dict(thing)
    data: Document = {"object": about} if previous is None else {"object": about, "previous_attributes": dict(previous)}
    return {
        "id": id,
        "object": "event",
        "api_version": generation.version,
        "created": created,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **fields,
    }


def customer(id: str, *, created: int, **fields: Any) -> Document:
    """A customer; give `metadata` for the app's own user id."""
    return {"id": id, **_CUSTOMER, "created": created, "email": f"{id}@example.com", **fields}


def price_object(price: Price) -> Document:
    """A price as items and (before basil) invoice lines hold it."""
    recurring = {"interval": price.interval, "interval_count": price.interval_count, "usage_type": "licensed"}
    return {
        "id": price.id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": PRICES_SINCE_S,
        "currency": price.currency,
        "livemode": True,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": price.product,
        "recurring": recurring if price.interval else None,
        "tax_behavior": "exclusive",
        "type": "recurring" if price.interval else "one_time",
        "unit_amount": price.unit_amount,
        "unit_amount_decimal": str(price.unit_amount),
    }


def plan_object(price: Price) -> Document:
    """The same as a plan: what prices were called before 2020, still beside them since."""
    return {
        "id": price.id,
        "object": "plan",
        "active": True,
        "amount": price.unit_amount,
        "amount_decimal": str(price.unit_amount),
        "billing_scheme": "per_unit",
        "created": PRICES_SINCE_S,
        "currency": price.currency,
        "interval": price.interval,
        "interval_count": price.interval_count,
        "livemode": True,
        "metadata": {},
        "nickname": None,
        "product": price.product,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def checkout_session(
    id: str,
    *,
    mode: str,
    created: int,
    amount_total: int | None = None,
    currency: str | None = None,
    payment_status: str = "paid",
    **fields: Any,
) -> Document:
    """A completed Checkout session of mode `payment`, `subscription` or `setup`.

    Give `client_reference_id`, and what it made: `customer`, `subscription`, `invoice`, `payment_intent`.
    """
    return {
        "id": id,
        **_SESSION,
        "amount_subtotal": amount_total,
        "amount_total": amount_total,
        "created": created,
        "currency": currency,
        "mode": mode,
        "payment_status": payment_status,
        **fields,
    }
