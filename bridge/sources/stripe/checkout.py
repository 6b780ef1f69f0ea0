"""Checkout sessions and bare payments: one-off money, and who the customer is."""

from decimal import Decimal

from bridge.sources.stripe.common import Context, amount_of, money_of, needed
from bridge.sources.stripe.links import invoice_of, learn_charge, link
from bridge.sources.stripe.people import person_facts
from bridge.values.reader import Reader
from bridge.values.records import Document

# Basil took the invoice off charges and payment intents.
FIRST_VERSION_WITHOUT_INVOICE = "2025-03-31"


def checkout_session(context: Context) -> list[Document]:
    """A paid one-off session is money; every session tells whose customer and subscription it is.

    With an invoice (invoice creation switched on) or a subscription the invoice carries the money.
    """
    session = context.object
    invoice, payment = session.identifier("invoice"), session.identifier("payment_intent")
    subscription = session.identifier("subscription")
    paid = session.text("payment_status") == "paid" and session.text("mode") == "payment" and invoice is None
    sale = payment or needed(session.identifier("id"), "data.object.id")
    link(context, payment, sale if paid else invoice)
    people = person_facts(session, subjects=(subscription, invoice, payment))
    common: Document = {
        **people,
        "subscription": {"id": subscription} if subscription else None,
        "payment_intent_id": payment,
        "invoice_id": invoice,
        "checkout": {
            "mode": session.text("mode") or "none",
            "payment_status": session.text("payment_status") or "none",
        },
    }
    if not paid:
        word = "checkout_failed" if context.base["type"].endswith("failed") else "checkout"
        return [context.fact(word, transaction_id=sale, **common)]
    context.memory.remember(sale, customer=people.get("customer_id"))
    return [context.fact("checkout_paid", transaction_id=sale, money=_session_money(session), **common)]


def payment_succeeded(context: Context) -> list[Document]:
    """`payment_intent.succeeded` and `charge.succeeded`: off by default, for shops that use neither invoices nor
    Checkout. They teach which invoice a payment paid for, where the version still says."""
    payment = context.object
    learn_charge(context, payment)
    sale = payment.identifier("payment_intent") or needed(payment.identifier("id"), "data.object.id")
    units = payment.integer("amount_received", "amount_captured", "amount")
    source = (
        "payment_intent.amount_received" if payment.text("object") == "payment_intent" else "charge.amount_captured"
    )
    money = money_of(needed(units, "the amount"), needed(payment.text("currency"), "data.object.currency"), source)
    return [
        context.fact(
            "payment",
            transaction_id=sale,
            money=money,
            invoice_backed=_invoice_backed(context, payment),
            payment_intent_id=sale if sale.startswith("pi_") else None,
            **person_facts(payment, subjects=(sale,)),
        )
    ]


def _session_money(session: Reader) -> Document:
    currency = needed(session.text("currency"), "data.object.currency")
    money = money_of(
        needed(session.integer("amount_total"), "data.object.amount_total"), currency, "checkout_session.amount_total"
    )
    tax = session.integer("total_details.amount_tax")
    if tax is None:
        return money
    amount: Decimal = amount_of(tax, currency).amount
    return money | {"tax": amount, "net": money["amount"] - amount}


def _invoice_backed(context: Context, payment: Reader) -> str:
    """`yes`, `no`, or `unknown`: since basil nothing in the payment says whether an invoice lies behind it."""
    if invoice_of(payment):
        return "yes"
    version = context.base["api_version"]
    return "no" if version and version < FIRST_VERSION_WITHOUT_INVOICE and payment.has("invoice") else "unknown"
