"""Refunds and chargebacks: the money that goes back, and what comes back of it.

Each refund counts once, however many notifications tell of it. `charge.refunded` gives a cumulative amount and no
refund id (since 2022-11-15), `refund.*` gives the refund and no customer; a merchant may have enabled either or both,
and they come in any order. So memory keeps a book for each payment, in which the two are matched.
"""

from typing import Any

from bridge.sources.stripe.book import Book, Entry
from bridge.sources.stripe.common import Context, money_of, needed
from bridge.sources.stripe.links import invoice_of, learn_charge, payment_of, sale_of
from bridge.sources.stripe.people import person_facts
from bridge.values.money import Basis
from bridge.values.reader import Reader
from bridge.values.records import Document

# A refund waits in `requires_action` until the customer gave bank details; no money has moved.
MOVED = ("succeeded", "pending", None)
UNDONE = ("failed", "canceled")


def charge_refunded(context: Context) -> list[Document]:
    """`charge.refunded`: the step from the old cumulative amount, in `previous_attributes`, to the new one.

    Where the old one is missing, each refund of the inline list (before 2022-11-15). Never both: when an endpoint's
    version changes between two refunds of equal amounts, a step and a name could not be told apart.
    """
    charge = context.object
    learn_charge(context, charge)
    total = needed(charge.integer("amount_refunded"), "data.object.amount_refunded")
    listed = [row for row in charge.children("refunds") if row.text("status") in MOVED]
    complete = listed and sum(row.integer("amount") or 0 for row in listed) == total
    if complete and context.before.integer("amount_refunded") is None:
        return [_refund(context, row, charge) for row in listed]
    return _step(context, charge, total)


def refund_changed(context: Context) -> list[Document]:
    """`refund.created`, `refund.updated`, `refund.failed` and `charge.refund.updated`.

    A refund that failed had been counted, or will be when its earlier notification arrives late: both facts are
    stated, and the ledger enters each once. Stripe puts the money of a failed refund back on the merchant's balance.
    """
    refund = context.object
    status = refund.text("status")
    if status in UNDONE and not (status == "canceled" and refund.identifier("charge") is None):
        return [_refund(context, refund, refund), _refund_undone(context, refund)]
    if status in MOVED:
        return [_refund(context, refund, refund)]
    return [context.fact("refund_not_moved", refund={"id": refund.identifier("id"), "status": status})]


def _refund(context: Context, refund: Reader, carrier: Reader) -> Document:
    ident = needed(refund.identifier("id"), "the refund's id")
    units = needed(refund.integer("amount"), "the refund's amount")
    payment = payment_of(carrier) or carrier.identifier("id")
    entry = Book(context.memory, payment or ident).refund(ident, units, _sale(context, carrier, payment, ident))
    currency = needed(refund.text("currency") or carrier.text("currency"), "the refund's currency")
    money = money_of(units, currency, "refund.amount")
    return _gone(context, "refund", entry, money, carrier, at=refund.integer("created"), about=refund)


def _refund_undone(context: Context, refund: Reader) -> Document:
    ident = needed(refund.identifier("id"), "the refund's id")
    payment = payment_of(refund) or ident
    book = Book(context.memory, payment)
    entry = book.refund(ident, refund.integer("amount") or 0, payment)
    book.undo(entry, context.created)
    currency = needed(refund.text("currency"), "the refund's currency")
    money = money_of(refund.integer("amount") or 0, currency, "refund.amount")
    return _gone(context, "refund_undone", entry, money, refund, which=ident, about=refund)


def _step(context: Context, charge: Reader, total: int) -> list[Document]:
    """The step from the old cumulative amount to the new one.

    Without the old one, what the book does not know yet is the step; that is exact when it makes the refund complete.
    """
    ident = needed(charge.identifier("id"), "data.object.id")
    payment = payment_of(charge) or ident
    book = Book(context.memory, payment)
    before, basis = context.before.integer("amount_refunded"), Basis.EXACT
    if before is None:
        before, basis = book.known_before(total), Basis.EXACT if charge.flag("refunded") else Basis.ESTIMATED
    if total <= before:
        return [context.fact("refund_not_moved")]
    entry = book.step(ident, before, total, context.created, _sale(context, charge, payment, None))
    currency = needed(charge.text("currency"), "data.object.currency")
    money = money_of(total - before, currency, "charge.amount_refunded", basis=basis)
    return [_gone(context, "refund", entry, money, charge, at=context.created, about=_newest(charge, total - before))]


def _newest(charge: Reader, units: int) -> Reader:
    """The refund that made a step, where the charge lists it; nothing when it does not."""
    newest = max(charge.children("refunds"), key=lambda row: row.integer("created") or 0, default=Reader({}))
    return newest if newest.integer("amount") == units else Reader({})


def dispute_changed(context: Context) -> list[Document]:
    """`charge.dispute.*`: the money leaves when the funds are withdrawn and returns when they are reinstated.

    A dispute lists its balance transactions, so each of its notifications tells what has moved so far; that fills the
    gap when one was lost. Inquiries (`warning_…`) and prevented disputes move nothing.
    """
    dispute, kind = context.object, context.base["type"]
    moves = [row.integer("amount") or 0 for row in dispute.children("balance_transactions")]
    returned = kind.endswith("funds_reinstated") or any(move > 0 for move in moves)
    withdrawn = returned or kind.endswith("funds_withdrawn") or any(move < 0 for move in moves)
    facts = [_chargeback(context, dispute)] if withdrawn else []
    if returned:
        facts.append(_chargeback_undone(context, dispute))
    word = {"charge.dispute.created": "dispute_opened", "charge.dispute.closed": "dispute_closed"}.get(kind)
    if word or not facts:
        about = {"id": dispute.identifier("id"), "status": dispute.text("status"), "reason": dispute.text("reason")}
        sale = _dispute_sale(context, dispute)
        word = word or "dispute_updated"
        facts.append(_about_sale(context, word, dispute, sale, which=about["id"], dispute=_without_none(about)))
    return facts


def _chargeback(context: Context, dispute: Reader) -> Document:
    money = money_of(
        needed(dispute.integer("amount"), "data.object.amount"),
        needed(dispute.text("currency"), "data.object.currency"),
        "dispute.amount",
    )
    at = context.created if context.base["type"].endswith("funds_withdrawn") else dispute.integer("created")
    return _gone(context, "chargeback", _dispute_entry(context, dispute), money, dispute, at=at, about=dispute)


def _chargeback_undone(context: Context, dispute: Reader) -> Document:
    """What came back: the disputed amount, or less when the positive balance transaction in its currency is smaller."""
    currency = needed(dispute.text("currency"), "data.object.currency")
    whole = needed(dispute.integer("amount"), "data.object.amount")
    back = [
        row.integer("amount") or 0
        for row in dispute.children("balance_transactions")
        if (row.integer("amount") or 0) > 0 and row.text("currency") == currency
    ]
    units, source = (sum(back), "dispute.balance_transactions") if 0 < sum(back) < whole else (whole, "dispute.amount")
    entry = _dispute_entry(context, dispute)
    return _gone(context, "chargeback_undone", entry, money_of(units, currency, source), dispute, about=dispute)


def _dispute_entry(context: Context, dispute: Reader) -> Entry:
    ident = needed(dispute.identifier("id"), "data.object.id")
    payment = payment_of(dispute) or ident
    return Book(context.memory, payment).dispute(ident, _dispute_sale(context, dispute))


def _dispute_sale(context: Context, dispute: Reader) -> str:
    payment = payment_of(dispute) or needed(dispute.identifier("id"), "data.object.id")
    return _sale(context, dispute, payment, None)


def _sale(context: Context, carrier: Reader, payment: str | None, refund: str | None) -> str:
    """The sale that is taken back; the payment itself when nobody has told which invoice it paid."""
    known = sale_of(context, payment, refund=refund, invoice=invoice_of(carrier) or invoice_of(carrier.child("charge")))
    return known or payment or needed(refund, "the refund's payment")


def _gone(  # noqa: PLR0913 - each is a fact of its own
    context: Context,
    word: str,
    entry: Entry,
    money: Document,
    carrier: Reader,
    *,
    about: Reader,
    at: int | None = None,
    which: str | None = None,
) -> Document:
    refund = {
        "id": about.identifier("id") or entry.which,
        "status": about.text("status"),
        "reason": about.text("reason"),
        "kind": "dispute" if word.startswith("chargeback") else "refund",
    }
    return _about_sale(
        context, word, carrier, entry.sale, at=at, which=which or entry.which, money=money, refund=_without_none(refund)
    )


def _about_sale(
    context: Context, word: str, carrier: Reader, sale: str, *, at: int | None = None, **more: Any
) -> Document:
    """What is known of the sale: the payment names no customer and no subscription, so memory fills in."""
    payment = payment_of(carrier) or carrier.identifier("id")
    invoice = context.memory.recall(sale)
    subscription = invoice.get("subscription")
    people = person_facts(carrier, subjects=(subscription, sale, payment, invoice.get("customer")))
    is_invoice = sale.startswith("in_")
    known = is_invoice or bool(payment and context.memory.recall(payment).get("sale") == sale)
    return context.fact(
        word,
        at=at,
        transaction_id=sale,
        sale_known=known,
        subscription={"id": subscription} if subscription else None,
        plan=invoice.get("plan"),
        payment_intent_id=carrier.identifier("payment_intent"),
        charge_id=carrier.identifier("id" if carrier.text("object") == "charge" else "charge"),
        invoice_id=sale if is_invoice else None,
        **{"customer_id": invoice.get("customer"), **people},
        **more,
    )


def _without_none(facts: Document) -> Document:
    return {name: value for name, value in facts.items() if value is not None}


def out_of_band(context: Context, note: Reader, units: int, currency: str) -> Document:
    """A credit note for money that the merchant says to have given back outside Stripe."""
    sale = needed(note.identifier("invoice"), "data.object.invoice")
    ident = needed(note.identifier("id"), "data.object.id")
    money = money_of(units, currency, "credit_note.out_of_band_amount")
    refund = {"id": ident, "kind": "out_of_band"}
    return _about_sale(context, "refund_out_of_band", note, sale, which=ident, money=money, refund=refund)
