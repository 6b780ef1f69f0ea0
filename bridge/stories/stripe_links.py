"""What links payments and refunds to invoices at Stripe: invoice payments and credit notes.

Times are epoch seconds, amounts whole minor units. `**fields` replaces or adds any field.
"""
# ruff: noqa: A002, PLR0913 - the parameters are the fields of Stripe's objects, by its names

from typing import Any

from bridge.stories.stripe_versions import ENDIVE, Generation
from bridge.values.records import Document

_CREDIT_NOTE: Document = {
    "object": "credit_note",
    "livemode": True,
    "metadata": {},
    "out_of_band_amount": None,
    "reason": "order_change",
    "status": "issued",
    "type": "post_payment",
    "voided_at": None,
}


def invoice_payment(
    id: str, *, invoice: str, payment: str, amount: int, created: int, currency: str = "usd", **fields: Any
) -> Document:
    """An invoice payment (2025-05-28.basil and later): which payment intent paid which invoice."""
    return {
        "id": id,
        "object": "invoice_payment",
        "amount_paid": amount,
        "amount_requested": amount,
        "created": created,
        "currency": currency,
        "invoice": invoice,
        "is_default": True,
        "livemode": True,
        "payment": {"payment_intent": payment, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": created},
        **fields,
    }


def credit_note(
    id: str,
    amount: int,
    *,
    invoice: str,
    customer: str,
    created: int,
    currency: str = "usd",
    refund: str | None = None,
    generation: Generation = ENDIVE,
    **fields: Any,
) -> Document:
    """A credit note; `refund` is the refund that it came with."""
    rows = [{"amount_refunded": amount, "refund": refund, "type": "refund"}] if refund else []
    linked: Document = {"refunds": rows} if generation.new_fields else {"refund": refund}
    return {
        "id": id,
        **_CREDIT_NOTE,
        "amount": amount,
        "created": created,
        "currency": currency,
        "customer": customer,
        "invoice": invoice,
        "number": f"EXAMPLE1-{id[-4:].upper()}-CN-01",
        "subtotal": amount,
        "total": amount,
        **linked,
        **fields,
    }
