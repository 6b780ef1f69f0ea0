"""Invoices: the money that comes in for subscriptions.

`invoice.paid` is the one money-in notification of an invoice. `invoice.payment_succeeded` carries the same object and
states the same fact, so it has the same transaction id and counts once with it.
"""

from decimal import Decimal

from bridge.sources.stripe.common import Context, amount_of, milliseconds_or_none, money_of, needed
from bridge.sources.stripe.currencies import decimals
from bridge.sources.stripe.lines import bought, is_subscription_line, subscription_of
from bridge.sources.stripe.links import learn_invoice, remember_invoice
from bridge.sources.stripe.people import metadata, person_facts
from bridge.sources.stripe.plans import plan_facts
from bridge.sources.stripe.trials import Period, begins_after_trial, follows_trial
from bridge.values.money import Basis
from bridge.values.reader import Reader
from bridge.values.records import Document

# Stripe's changelog, 2018-10-31: before it the first invoice of a subscription reads `subscription_update` too.
FIRST_VERSION_WITH_CREATE = "2018-10-31"


def invoice_paid(context: Context) -> list[Document]:
    """The facts of a paid invoice: how much, what for, and whether it is the first money after a trial."""
    invoice = context.object
    sale = needed(invoice.identifier("id"), "data.object.id")
    subscription = subscription_of(invoice)
    money = _paid(invoice)
    learn_invoice(context, invoice, sale)
    remember_invoice(context, invoice, sale)
    links = _links(invoice, sale, subscription)
    facts = _about(invoice) | {"zero_because": _zero_because(invoice, money["amount"]), "credit": _credit(invoice)}
    covers = _covers(context, invoice, subscription, money["amount"] > 0)
    return [
        context.fact(
            "invoice_paid",
            at=invoice.integer("status_transitions.paid_at"),
            transaction_id=sale,
            money=money,
            covers=covers,
            amount="some" if money["amount"] else "none",
            invoice={name: value for name, value in facts.items() if value is not None},
            follows_trial=follows_trial(context, invoice, Period(subscription, sale, covers, facts["zero_because"])),
            **links,
        )
    ]


def invoice_unpaid(context: Context) -> list[Document]:
    """A failed or interrupted payment; it also teaches that the first invoice after a trial was not paid."""
    invoice = context.object
    sale = needed(invoice.identifier("id"), "data.object.id")
    subscription = subscription_of(invoice)
    if subscription and begins_after_trial(context.memory, invoice, subscription):
        context.memory.remember(subscription, first_period_unpaid=sale)
    attempt = invoice.integer("attempt_count")
    word = "payment_action_required" if context.base["type"].endswith("action_required") else "payment_failed"
    return [
        context.fact(
            word,
            transaction_id=sale,
            which=str(attempt) if attempt is not None else None,
            invoice=_about(invoice),
            amount_due=_major(invoice, "amount_due"),
            next_attempt_at_ms=milliseconds_or_none(invoice.integer("next_payment_attempt")),
            **_links(invoice, sale, subscription),
        )
    ]


def _links(invoice: Reader, sale: str, subscription: str | None) -> Document:
    lines = invoice.children("lines")
    own_words = [metadata(line.child("metadata")) for line in lines]
    return {
        **person_facts(invoice, subjects=(subscription, sale)),
        "line_metadata": next((words for words in own_words if words), None),
        "subscription": {"id": subscription} if subscription else None,
        "plan": plan_facts(bought(lines)),
        "invoice_id": sale,
        "payment_intent_id": invoice.identifier("payment_intent"),
        "charge_id": invoice.identifier("charge"),
    }


def _about(invoice: Reader) -> Document:
    out_of_band = bool(invoice.flag("paid_out_of_band")) or bool(invoice.integer("amount_paid_off_stripe"))
    facts = {
        # Null on some old and some third-party invoices; a mapping can only ask for a word.
        "billing_reason": invoice.text("billing_reason") or "none",
        "attempt_count": invoice.integer("attempt_count"),
        "number": invoice.text("number"),
        "paid_out_of_band": out_of_band,
        "overpaid": _major(invoice, "amount_overpaid") if invoice.integer("amount_overpaid") else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _paid(invoice: Reader) -> Document:
    """`amount_paid` is the cash of this invoice: not `total` (credit balance), not `amount_due` (old debts).

    Before basil an invoice marked as paid outside Stripe may say that nothing was paid; what was due is then what the
    merchant says to have received, so the amount is an estimate.
    """
    currency = needed(invoice.text("currency"), "data.object.currency")
    paid = needed(invoice.integer("amount_paid"), "data.object.amount_paid")
    due = invoice.integer("amount_due")
    if not paid and due and invoice.flag("paid_out_of_band"):
        return money_of(due, currency, "invoice.amount_due", basis=Basis.ESTIMATED)
    money = money_of(paid, currency, "invoice.amount_paid")
    tax = _tax(invoice, paid, currency)
    return money if tax is None else money | {"tax": tax, "net": money["amount"] - tax}


def _tax(invoice: Reader, paid: int, currency: str) -> Decimal | None:
    """Version-proof: `total - total_excluding_tax` has meant the same since 2022; `tax` on older invoices.

    Old and new tax fields come side by side on some versions, so they are never added up. An invoice that was paid
    in part holds the same part of the tax, and one that was paid with an old debt, or too much, no more than its own.
    """
    total, without = invoice.integer("total"), invoice.integer("total_excluding_tax")
    tax = total - without if total is not None and without is not None else invoice.integer("tax")
    if tax is None or total is None or not 0 <= tax <= total:
        return None
    if paid >= total:
        return amount_of(tax, currency).amount
    share = Decimal(tax) * paid / total
    return share.quantize(Decimal(1)).scaleb(-decimals(currency))


def _zero_because(invoice: Reader, amount: Decimal) -> str | None:
    """Why an invoice is paid with no money: nothing has a price yet (a trial), a discount, or customer credit."""
    if amount:
        return None
    if not invoice.integer("total"):
        return "discount" if invoice.integer("subtotal") else "free"
    return "credit" if _credit_units(invoice) > 0 else "nothing_due"


def _credit_units(invoice: Reader) -> int:
    """Customer credit is a negative balance; using it up moves the balance towards zero.

    Beyond zero the balance is a debt: too small an amount to charge is put there and collected with the next invoice.
    """
    before, after = (invoice.integer(f"{moment}_balance") or 0 for moment in ("starting", "ending"))
    return min(after, 0) - min(before, 0)


def _credit(invoice: Reader) -> Decimal | None:
    units = _credit_units(invoice)
    return amount_of(units, invoice.text("currency") or "").amount if units > 0 else None


def _covers(context: Context, invoice: Reader, subscription: str | None, some: bool) -> str:
    """What the money is for: the subscription's own periods, a fee beside a trial, or something without one."""
    if subscription is None:
        return "one_off"
    reason = invoice.text("billing_reason")
    if reason == "subscription_create":
        return "fee" if some and _only_fees(invoice) else "first_period"
    if reason == "subscription_update" and context.base["api_version"] < FIRST_VERSION_WITH_CREATE:
        return "first_period_or_change"
    if reason in ("manual", "quote_accept", "automatic_pending_invoice_item_invoice"):
        return "one_off"
    return {"subscription_update": "change", "subscription_threshold": "interim"}.get(reason or "", "period")


def _only_fees(invoice: Reader) -> bool:
    """A set-up fee on the first invoice of a trial: no subscription line has a price yet."""
    lines = invoice.children("lines")
    if not lines or invoice.flag("lines.has_more"):
        return False
    return not any(line.integer("amount") for line in lines if is_subscription_line(line))


def _major(invoice: Reader, field: str) -> Decimal | None:
    units, currency = invoice.integer(field), invoice.text("currency")
    return amount_of(units, currency).amount if units is not None and units >= 0 and currency else None
