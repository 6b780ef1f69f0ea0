"""Random sales at Stripe with all that can happen to their money, and what is kept of each, reckoned by itself."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from bridge.stories.stripe_invoices import invoice, line
from bridge.stories.stripe_links import credit_note, invoice_payment
from bridge.stories.stripe_objects import DAY_S, MONTH_S, Price, checkout_session, event
from bridge.stories.stripe_payments import balance_move, charge, dispute, payment_intent, refund
from bridge.stories.stripe_subscriptions import item, subscription
from bridge.stories.stripe_versions import GENERATIONS, V2022, Generation
from bridge.values.records import Document

BEGINNING_S = 1_780_272_000  # 2026-06-01
DECIMALS = {"usd": 2, "jpy": 0, "kwd": 3, "isk": 2}
Draw = Any
"""Hypothesis's `draw`: its type is not exported."""


@dataclass
class Sale:
    """One payment: the events that tell of it, and the amounts that moved, in minor units (negative: went back)."""

    name: str
    currency: str
    paid: int
    at: int
    one_off: bool
    generations: tuple[Generation, ...]
    told: list[Document] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)

    @property
    def transactions(self) -> set[str]:
        """What events about it may name as their sale: a refund that comes before any link names the payment."""
        return {f"in_{self.name}", f"pi_{self.name}"}

    @property
    def amounts(self) -> Counter[Decimal]:
        """The amounts that moved, in major units."""
        return Counter(Decimal(units).scaleb(-DECIMALS[self.currency]) for units in self.moved)

    def tell(self, draw: Draw, kind: str, at: int, thing: Any, previous: Document | None = None) -> None:
        """An event in one of the generations; `thing` is a document or makes one for a generation."""
        generation = draw(st.sampled_from(self.generations))
        about = thing(generation) if callable(thing) else thing
        ident = f"evt_{self.name}_{len(self.told)}"
        self.told.append(event(kind, about, id=ident, created=at, generation=generation, previous=previous))


@dataclass
class Back:
    """One refund while it lives: when it was asked for and, perhaps, when it failed."""

    id: str
    units: int
    at: int
    status: str
    failed_at: int | None = None


@st.composite
def lives(draw: Draw, words: frozenset[str]) -> list[Sale]:
    """A few sales of one account, whose refunds are told by one of these: `charge` (`charge.refunded`), `refund`
    (`refund.*`), `both`, or `charge and failures`. Its endpoint has one version, or was moved from one to another."""
    generations = tuple(draw(st.lists(st.sampled_from(GENERATIONS), min_size=1, max_size=2, unique=True)))
    sales = [draw(_sale(f"1P{number}", generations, words)) for number in range(draw(st.integers(1, 3)))]
    return [*sales, draw(_trial(generations))]


@st.composite
def _sale(draw: Draw, name: str, generations: tuple[Generation, ...], words: frozenset[str]) -> Sale:
    currency = draw(st.sampled_from(sorted(DECIMALS)))
    units = draw(st.integers(3, 40)) * 100
    sale = Sale(name, currency, units, BEGINNING_S + draw(st.integers(0, 90)) * DAY_S, draw(st.booleans()), generations)
    (_paid_by_checkout if sale.one_off else _paid_by_invoice)(draw, sale)
    remaining = _refunds(draw, sale, draw(st.sampled_from(sorted(words))))
    if remaining and draw(st.booleans()):
        _dispute(draw, sale, remaining)
    return sale


@st.composite
def _trial(draw: Draw, generations: tuple[Generation, ...]) -> Sale:
    """A trial's beginning and its invoice of nothing: no money."""
    sale = Sale("1Ptrial", "usd", 0, BEGINNING_S, False, generations)
    period = (BEGINNING_S, BEGINNING_S + 14 * DAY_S)
    price = Price("price_1Ppro", "prod_Qpro", 2_900)

    def nothing(generation: Generation) -> Document:
        row = line(price, period=period, amount=0, subscription="sub_1P", item="si_1P", generation=generation)
        return _invoice(sale, [row], "subscription_create", generation)

    def trialing(generation: Generation) -> Document:
        only = item("si_1P", price, subscription="sub_1P", period=period, generation=generation)
        return subscription(
            "sub_1P", [only], customer="cus_1P", period=period, trial=period, status="trialing", generation=generation
        )

    sale.tell(draw, "invoice.paid", BEGINNING_S, nothing)
    sale.tell(draw, "customer.subscription.created", BEGINNING_S, trialing)
    return sale


def _paid_by_invoice(draw: Draw, sale: Sale) -> None:
    reason = draw(st.sampled_from(["subscription_create", "subscription_cycle", "subscription_update", "manual", None]))
    credit = draw(st.sampled_from([0, 0, 500]))  # customer credit makes the lines more than what is paid
    price = Price("price_1Ppro", "prod_Qpro", sale.paid + credit, sale.currency)

    def paid(generation: Generation) -> Document:
        period = (sale.at, sale.at + MONTH_S)
        row = line(price, period=period, subscription="sub_1P", item="si_1P", generation=generation)
        return _invoice(sale, [row], reason, generation, starting_balance=-credit)

    def link(_generation: Generation) -> Document:
        return invoice_payment(
            f"inpay_{sale.name}",
            invoice=f"in_{sale.name}",
            payment=f"pi_{sale.name}",
            amount=sale.paid,
            created=sale.at,
            currency=sale.currency,
        )

    sale.moved.append(sale.paid)
    sale.tell(draw, "invoice.paid", sale.at, paid)
    for kind, thing in (("invoice.payment_succeeded", paid), ("invoice_payment.paid", link)):
        if draw(st.booleans()):
            sale.tell(draw, kind, sale.at, thing)
    if draw(st.booleans()):
        sale.tell(draw, "payment_intent.succeeded", sale.at, lambda generation: _intent(sale, generation))


def _paid_by_checkout(draw: Draw, sale: Sale) -> None:
    def session(status: str) -> Document:
        made = {"payment_intent": f"pi_{sale.name}", "payment_status": status}
        return checkout_session(
            f"cs_{sale.name}",
            mode="payment",
            created=sale.at,
            amount_total=sale.paid,
            currency=sale.currency,
            **made,
        )

    sale.moved.append(sale.paid)
    delayed = draw(st.booleans())
    sale.tell(draw, "checkout.session.completed", sale.at, session("unpaid" if delayed else "paid"))
    if delayed:
        sale.tell(draw, "checkout.session.async_payment_succeeded", sale.at + DAY_S, session("paid"))


def _invoice(sale: Sale, rows: list[Document], reason: str | None, generation: Generation, **fields: Any) -> Document:
    return invoice(
        f"in_{sale.name}",
        rows,
        customer="cus_1P",
        created=sale.at,
        reason=reason,
        subscription="sub_1P",
        payment=f"pi_{sale.name}",
        generation=generation,
        **fields,
    )


def _intent(sale: Sale, generation: Generation) -> Document:
    return payment_intent(
        f"pi_{sale.name}",
        sale.paid,
        created=sale.at,
        currency=sale.currency,
        invoice=f"in_{sale.name}",
        generation=generation,
    )


def _refunds(draw: Draw, sale: Sale, words: str) -> int:
    """Refunds, told in these words. Gives what remains of the payment.

    Who subscribed to `charge.refunded` alone never hears of a failure, so there it does not happen.
    """
    backs = _drawn_refunds(draw, sale, may_fail=words != "charge")
    happenings = [(back.at, False, back) for back in backs]
    happenings += [(back.failed_at, True, back) for back in backs if back.failed_at]
    total = 0
    for at, fails, back in sorted(happenings, key=lambda happening: happening[0]):
        before, total = total, total + (-back.units if fails else back.units)
        back.status = "failed" if fails else back.status
        sale.moved.append(back.units if fails else -back.units)
        if words in ("refund", "both") or (fails and words == "charge and failures"):
            _tell_refund(draw, sale, back, at, fails=fails)
        if words != "refund" and not fails:
            _tell_charge(draw, sale, [one for one in backs if one.at <= at], (before, total), at)
    return sale.paid - total


def _drawn_refunds(draw: Draw, sale: Sale, *, may_fail: bool) -> list[Back]:
    """Amounts that often repeat; each a week after the one before; failures before or after the next refund."""
    backs: list[Back] = []
    for number in range(draw(st.integers(0, 4))):
        units = draw(st.sampled_from([100, 100, 200]))
        at = sale.at + (7 * number + 10) * DAY_S
        delay_days = draw(st.sampled_from([3, 10, 17])) if may_fail and draw(st.booleans()) else None
        if sum(back.units for back in backs) + units <= sale.paid:
            failed_at = None if delay_days is None else at + delay_days * DAY_S
            status = draw(st.sampled_from(["succeeded", "pending"]))
            backs.append(Back(f"re_{sale.name}{number}", units, at, status, failed_at))
    return backs


def _tell_refund(draw: Draw, sale: Sale, back: Back, at: int, *, fails: bool) -> None:
    def thing(generation: Generation) -> Document:
        return _refund(sale, back, generation)

    sale.tell(draw, "refund.failed" if fails else "refund.created", at, thing)
    if draw(st.booleans()):
        sale.tell(draw, "refund.updated", at + 1, thing, {"status": "pending"})
    if not fails and not sale.one_off and draw(st.booleans()):
        sale.tell(draw, "credit_note.created", at, lambda generation: _credit_note(sale, back, generation))


def _tell_charge(draw: Draw, sale: Sale, backs: list[Back], step: tuple[int, int], at: int) -> None:
    before, total = step
    newest_first = sorted(backs, key=lambda back: -back.at)

    def thing(generation: Generation) -> Document:
        return charge(
            f"ch_{sale.name}",
            sale.paid,
            payment=f"pi_{sale.name}",
            created=sale.at,
            currency=sale.currency,
            customer="cus_1P",
            invoice=None if sale.one_off else f"in_{sale.name}",
            refunded=total,
            refunds=[_refund(sale, back, V2022) for back in newest_first],
            generation=generation,
        )

    sale.tell(draw, "charge.refunded", at, thing, {"amount_refunded": before})


def _refund(sale: Sale, back: Back, generation: Generation) -> Document:
    return refund(
        back.id,
        back.units,
        charge=f"ch_{sale.name}",
        payment=f"pi_{sale.name}",
        created=back.at,
        currency=sale.currency,
        status=back.status,
        generation=generation,
    )


def _credit_note(sale: Sale, back: Back, generation: Generation) -> Document:
    return credit_note(
        f"cn_{back.id}",
        back.units,
        invoice=f"in_{sale.name}",
        customer="cus_1P",
        created=back.at,
        refund=back.id,
        generation=generation,
    )


def _dispute(draw: Draw, sale: Sale, units: int) -> None:
    """A dispute of what remains: lost, won, or won in part. Any of its notifications but one may be missing."""
    returned = draw(st.sampled_from([0, units, units // 2]))
    at, end = sale.at + 60 * DAY_S, sale.at + 90 * DAY_S
    took = balance_move(f"txn_{sale.name}a", -units, created=at, currency=sale.currency, fee=1_500)
    back = balance_move(f"txn_{sale.name}b", returned, created=end, currency=sale.currency)

    def thing(status: str, *moves: Document) -> Document:
        return dispute(
            f"du_{sale.name}",
            units,
            charge=f"ch_{sale.name}",
            payment=f"pi_{sale.name}",
            created=at,
            status=status,
            currency=sale.currency,
            moves=moves,
        )

    sale.moved.append(-units)
    sale.tell(draw, "charge.dispute.created", at, thing("needs_response"))
    sale.tell(draw, "charge.dispute.funds_withdrawn", at, thing("needs_response", took))
    if returned:
        sale.moved.append(returned)
        sale.tell(draw, "charge.dispute.funds_reinstated", end, thing("won", took, back))
    if draw(st.booleans()):
        sale.tell(draw, "charge.dispute.closed", end, thing("won", took, back) if returned else thing("lost", took))
