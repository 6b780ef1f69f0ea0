"""What belongs to what: payments to invoices, invoices to subscriptions.

Since 2025-03-31.basil a refund or dispute names its payment intent and nothing else, and `invoice.paid` names no
payment. The link comes on `invoice_payment.paid`, on `credit_note.created`, and on older versions' invoices, charges
and payment intents; each teaches the ledger's memory.
"""

from bridge.sources.stripe.common import Context
from bridge.sources.stripe.lines import bought, subscription_of
from bridge.sources.stripe.plans import plan_facts
from bridge.values.reader import Reader


def payment_of(thing: Reader) -> str | None:
    """The id a payment goes by in memory: its payment intent, else (very old charges) its charge."""
    return thing.identifier("payment_intent") or thing.identifier("charge")


def invoice_of(thing: Reader) -> str | None:
    """The invoice a charge or payment intent names itself: up to 2025-02-24.acacia, and hybrids."""
    return thing.identifier("invoice")


def link(context: Context, payment: str | None, sale: str | None) -> None:
    """Remember which sale (transaction id) a payment paid for."""
    if payment and sale:
        context.memory.remember(payment, sale=sale)


def sale_of(
    context: Context, payment: str | None, *, refund: str | None = None, invoice: str | None = None
) -> str | None:
    """The transaction id of the sale that a payment paid for, best first: what the event says, what a credit note
    said of the refund, what is remembered of the payment, what Stripe's API says. None when nobody knows."""
    if invoice:
        return invoice
    for subject in (refund, payment):
        known = context.memory.recall(subject).get("sale") if subject else None
        if isinstance(known, str):
            return known
    return _sale_by_api(context, payment) if payment and payment.startswith("pi_") else None


def _sale_by_api(context: Context, payment: str) -> str | None:
    """The invoice of a payment as Stripe's API has it, remembered as if its webhooks had told."""
    rows = context.answer("payment", payment).children("data")
    sale = rows[0].identifier("invoice") if rows else None
    if sale is None:
        return None
    link(context, payment, sale)
    invoice = rows[0].child("invoice")
    if invoice and not context.memory.recall(sale):
        remember_invoice(context, invoice, sale)
    return sale


def remember_invoice(context: Context, invoice: Reader, sale: str) -> None:
    """Remember what a later refund of this sale cannot say itself: whose it was, and what was bought."""
    customer = invoice.identifier("customer", "customer_account")
    plan = plan_facts(bought(invoice.children("lines")))
    context.memory.remember(sale, subscription=subscription_of(invoice), customer=customer, plan=plan)


def learn_invoice_payment(context: Context) -> None:
    """`invoice_payment.paid` (2025-05-28.basil and later): links, and no more; it has no customer and no lines."""
    paid_with = context.object.child("payment")
    invoice = context.object.identifier("invoice")
    for payment in (paid_with.identifier("payment_intent"), paid_with.identifier("charge")):
        link(context, payment, invoice)


def learn_credit_note(context: Context) -> None:
    """A credit note names its invoice and its refunds: `refunds[].refund`, before basil `refund`."""
    invoice = context.object.identifier("invoice")
    refunds = [row.identifier("refund") for row in context.object.children("refunds")]
    for refund in (*refunds, context.object.identifier("refund")):
        link(context, refund, invoice)


def learn_charge(context: Context, charge: Reader) -> None:
    """A charge or payment intent of an older version names its invoice."""
    invoice = invoice_of(charge)
    for payment in (charge.identifier("payment_intent"), charge.identifier("id")):
        link(context, payment, invoice)


def learn_invoice(context: Context, invoice: Reader, sale: str) -> None:
    """An invoice of an older version names its payment; a newer one only when `payments` was expanded."""
    paid_with = [row.child("payment") for row in invoice.children("payments")]
    for thing in (invoice, *paid_with):
        for payment in (thing.identifier("payment_intent"), thing.identifier("charge")):
            link(context, payment, sale)
