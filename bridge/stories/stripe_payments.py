"""Stripe's charges, payment intents, refunds and disputes, in the shape of any generation.

Times are epoch seconds, amounts whole minor units. `**fields` replaces or adds any field.
"""
# ruff: noqa: A002, PLR0913 - the parameters are the fields of Stripe's objects, by its names

from collections.abc import Sequence
from typing import Any

from bridge.stories.stripe_objects import ADDRESS, DAY_S
from bridge.stories.stripe_subscriptions import list_object
from bridge.stories.stripe_versions import ENDIVE, Generation
from bridge.values.records import Document

_CHARGE: Document = {
    "object": "charge",
    "billing_details": {"address": ADDRESS, "email": "buyer@example.com", "name": None, "phone": None},
    "captured": True,
    "disputed": False,
    "failure_code": None,
    "failure_message": None,
    "livemode": True,
    "metadata": {},
    "outcome": {"network_status": "approved_by_network", "risk_level": "normal", "type": "authorized"},
    "paid": True,
    "payment_method": "pm_1Pexample",
    "payment_method_details": {"card": {"brand": "visa", "country": "US", "last4": "4242"}, "type": "card"},
    "status": "succeeded",
}
_PAYMENT_INTENT: Document = {
    "object": "payment_intent",
    "amount_capturable": 0,
    "capture_method": "automatic",
    "customer": None,
    "livemode": True,
    "metadata": {},
    "payment_method": "pm_1Pexample",
    "payment_method_types": ["card"],
    "status": "succeeded",
}
_REFUND: Document = {
    "object": "refund",
    "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
    "metadata": {},
    "reason": "requested_by_customer",
    "receipt_number": None,
    "source_transfer_reversal": None,
    "transfer_reversal": None,
}


def charge(
    id: str,
    amount: int,
    *,
    payment: str | None,
    created: int,
    currency: str = "usd",
    customer: str | None = None,
    invoice: str | None = None,
    refunded: int = 0,
    refunds: Sequence[Document] = (),
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """A succeeded charge; `refunded` is the cumulative amount. Basil took `invoice` away, 2022-11-15 the list of
    `refunds`."""
    found: Document = {
        "id": id,
        **_CHARGE,
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": refunded,
        "balance_transaction": f"txn_{id.partition('_')[2]}",
        "created": created,
        "currency": currency,
        "customer": customer,
        "description": "Subscription update" if invoice else None,
        "payment_intent": payment,
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{id}",
        "refunded": refunded == amount,
    }
    if generation.old_fields:
        found["invoice"] = invoice
    if not generation.since("2022-11-15"):
        found["refunds"] = list_object(refunds, f"/v1/charges/{id}/refunds")
    return found | fields


def payment_intent(
    id: str,
    amount: int,
    *,
    created: int,
    currency: str = "usd",
    invoice: str | None = None,
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """A succeeded payment intent. Basil took `invoice` away."""
    found: Document = {
        "id": id,
        **_PAYMENT_INTENT,
        "amount": amount,
        "amount_received": amount,
        "created": created,
        "currency": currency,
        "description": "Subscription update" if invoice else None,
    }
    if generation.since("2022-11-15"):
        found["latest_charge"] = f"ch_{id.partition('_')[2]}"
    if generation.old_fields:
        found["invoice"] = invoice
    return found | fields


def refund(
    id: str,
    amount: int,
    *,
    charge: str | None,
    payment: str | None,
    created: int,
    currency: str = "usd",
    status: str = "succeeded",
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """A refund. It has no place for a customer before version 2026-07-29."""
    found: Document = {
        "id": id,
        **_REFUND,
        "amount": amount,
        "balance_transaction": f"txn_{id.partition('_')[2]}",
        "charge": charge,
        "created": created,
        "currency": currency,
        "payment_intent": payment,
        "status": status,
    }
    if generation.since("2026-07-29"):
        found |= {"customer": None, "customer_account": None}
    return found | fields


def dispute(
    id: str,
    amount: int,
    *,
    charge: str,
    payment: str | None,
    created: int,
    status: str,
    currency: str = "usd",
    moves: Sequence[Document] = (),
    **fields: Any,
) -> Document:
    """A dispute; `moves` are its balance transactions so far (see `balance_move`)."""
    return {
        "id": id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": list(moves),
        "charge": charge,
        "created": created,
        "currency": currency,
        "evidence_details": {"due_by": created + 14 * DAY_S, "has_evidence": False, "submission_count": 0},
        "is_charge_refundable": False,
        "livemode": True,
        "metadata": {},
        "payment_intent": payment,
        "reason": "fraudulent",
        "status": status,
        **fields,
    }


def balance_move(id: str, amount: int, *, created: int, currency: str = "usd", fee: int = 0) -> Document:
    """A balance transaction of a dispute, in the settlement currency: negative withdrawn, positive reinstated."""
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created + 2 * DAY_S,
        "created": created,
        "currency": currency,
        "description": "Chargeback withdrawal" if amount < 0 else "Chargeback reversal",
        "exchange_rate": None,
        "fee": fee,
        "net": amount - fee,
        "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        "status": "available",
        "type": "adjustment",
    }
