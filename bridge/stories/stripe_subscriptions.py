"""Stripe's subscriptions and their items, in the shape of any generation. Times are epoch seconds."""
# ruff: noqa: A002, PLR0913 - the parameters are the fields of Stripe's objects, by its names

from collections.abc import Sequence
from typing import Any

from bridge.stories.stripe_objects import Price, plan_object, price_object
from bridge.stories.stripe_versions import ENDIVE, Generation
from bridge.values.records import Document

_SUBSCRIPTION: Document = {
    "object": "subscription",
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "days_until_due": None,
    "default_payment_method": "pm_1Pexample",
    "ended_at": None,
    "latest_invoice": None,
    "livemode": True,
    "metadata": {},
    "pause_collection": None,
    "pending_update": None,
    "schedule": None,
}


def item(
    id: str,
    price: Price,
    *,
    subscription: str,
    period: tuple[int, int],
    quantity: int = 1,
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """A subscription item. Prices came in 2020; basil moved the period here."""
    found: Document = {
        "id": id,
        "object": "subscription_item",
        "created": period[0],
        "metadata": {},
        "plan": plan_object(price),
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }
    if generation.since("2020-08-27"):
        found["price"] = price_object(price)
    if generation.new_fields:
        found |= {"current_period_start": period[0], "current_period_end": period[1], "discounts": []}
    if generation.since("2026-09-30"):
        found["current_trial"] = None
    return found | fields


def subscription(
    id: str,
    items: Sequence[Document],
    *,
    customer: str,
    period: tuple[int, int],
    generation: Generation = ENDIVE,
    status: str = "active",
    trial: tuple[int, int] | None = None,
    **fields: Any,
) -> Document:
    """A subscription; `period` and `trial` are start and end. Give `metadata` for the app's own user id."""
    found: Document = {
        "id": id,
        **_SUBSCRIPTION,
        "billing_cycle_anchor": period[0],
        "created": period[0],
        "currency": items[0]["plan"]["currency"],
        "customer": customer,
        "items": list_object(items, f"/v1/subscription_items?subscription={id}"),
        "start_date": period[0],
        "status": status,
        "trial_end": trial[1] if trial else None,
        "trial_start": trial[0] if trial else None,
    }
    return found | _of_generation(generation, items, period) | fields


def list_object(rows: Sequence[Document], url: str) -> Document:
    """A list as Stripe wraps it."""
    return {"object": "list", "data": list(rows), "has_more": False, "total_count": len(rows), "url": url}


def _of_generation(generation: Generation, items: Sequence[Document], period: tuple[int, int]) -> Document:
    found: Document = {}
    if generation.old_fields:
        only = items[0] if len(items) == 1 else {"plan": None, "quantity": None}
        found |= {"current_period_start": period[0], "current_period_end": period[1], "discount": None}
        found |= {"plan": only["plan"], "quantity": only["quantity"]}
    if generation.new_fields:
        found["discounts"] = []
    if generation.since("2025-06-30"):
        found["billing_mode"] = {"type": "flexible"}
    if generation.since("2025-09-30"):
        found["customer_account"] = None
    return found
