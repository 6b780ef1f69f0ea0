"""Signed Stripe webhooks as ready HTTP/1.1 bytes, in the sizes that Stripe sends."""

import time

import orjson
from stripe import WebhookSignature

SECRET = "whsec_for_the_bench_only_0123456789"

LINES = (1,) * 20 + (2,) * 12 + (5,) * 5 + (13,) * 2 + (39,)
"""The mix, in invoice lines: of 40 events 20 have 3 KB, 12 have 5, 5 have 9, 2 have 21, 1 has 59; 7 KB on average."""

_LINE = {
    "id": "il_1NexampleExampleExample00",
    "object": "line_item",
    "amount": 4999,
    "currency": "usd",
    "description": "1 × Pro (at $49.99 / month)",
    "discount_amounts": [],
    "discountable": True,
    "discounts": [],
    "invoice": "in_1NexampleExampleExample00",
    "livemode": False,
    "metadata": {"user_id": "user_0123456789"},
    "parent": {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": "sub_1NexampleExampleExample0",
            "subscription_item": "si_Nexample000000",
        },
        "type": "subscription_item_details",
    },
    "period": {"end": 1766600000, "start": 1764000000},
    "pretax_credit_amounts": [],
    "pricing": {
        "price_details": {"price": "price_1NexampleExampleExample", "product": "prod_Nexample000000"},
        "type": "price_details",
        "unit_amount_decimal": "4999",
    },
    "quantity": 1,
    "taxes": [],
}
_INVOICE = {
    "id": "in_1NexampleExampleExample00",
    "object": "invoice",
    "account_country": "US",
    "amount_due": 4999,
    "amount_paid": 4999,
    "amount_remaining": 0,
    "billing_reason": "subscription_cycle",
    "collection_method": "charge_automatically",
    "currency": "usd",
    "customer": "cus_Nexample000000",
    "customer_address": {
        "city": "Springfield",
        "country": "US",
        "line1": "1 Example Street",
        "line2": None,
        "postal_code": "00000",
        "state": "IL",
    },
    "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1Nexample/test_" + "x" * 120,
    "invoice_pdf": "https://pay.stripe.com/invoice/acct_1Nexample/test_" + "x" * 120 + "/pdf",
    "parent": {
        "quote_details": None,
        "subscription_details": {"metadata": {"user_id": "user_0123456789"}, "subscription": "sub_1Nexample"},
        "type": "subscription_details",
    },
    "status": "paid",
    "status_transitions": {"finalized_at": 1764000000, "paid_at": 1764000000},
    "subtotal": 4999,
    "total": 4999,
    "total_excluding_tax": 4999,
}


def requests(path: str, prefix: str, number: int) -> dict[str, bytes]:
    """So many webhooks of the mix, each with an id of its own that begins with `prefix`: id -> whole HTTP request."""
    ids = [f"evt_{prefix}_{place}" for place in range(number)]
    # 7 and 40 have no common divisor, so that large and small alternate.
    return {event_id: _request(path, event_id, LINES[place * 7 % 40]) for place, event_id in enumerate(ids)}


def signed(body: bytes) -> str:
    """The Stripe-Signature header of a body, of now."""
    return str(WebhookSignature.generate_signature_header(body.decode(), SECRET))


def event_body(event_id: str, lines: int) -> bytes:
    """A paid invoice as Stripe sends it, indented by two spaces."""
    event = {
        "id": event_id,
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": _invoice(event_id, lines)},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "invoice.paid",
    }
    return orjson.dumps(event, option=orjson.OPT_INDENT_2)


def _invoice(event_id: str, lines: int) -> dict[str, object]:
    line = {"object": "list", "data": [_LINE] * lines, "has_more": False}
    return {**_INVOICE, "id": f"in_{event_id}", "lines": line}


def _request(path: str, event_id: str, lines: int) -> bytes:
    body = event_body(event_id, lines)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
        "Accept: */*; q=0.5, application/xml\r\nCache-Control: no-cache\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Stripe-Signature: {signed(body)}\r\n\r\n"
    )
    return head.encode() + body
