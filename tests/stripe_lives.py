"""Random sales at Stripe with all that can happen to their money."""

from typing import Any

from hypothesis import strategies as st
from stripe_givebacks import draw_dispute, draw_refunds
from stripe_sale import BEGINNING_S, DECIMALS, Draw, Sale

from bridge.stories.stripe_invoices import invoice, line
from bridge.stories.stripe_links import invoice_payment
from bridge.stories.stripe_objects import DAY_S, MONTH_S, Price, checkout_session
from bridge.stories.stripe_payments import payment_intent
from bridge.stories.stripe_subscriptions import item, subscription
from bridge.stories.stripe_versions import GENERATIONS, Generation
from bridge.values.records import Document


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
    remaining = draw_refunds(draw, sale, draw(st.sampled_from(sorted(words))))
    if remaining and draw(st.booleans()):
        draw_dispute(draw, sale, remaining)
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
