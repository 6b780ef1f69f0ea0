"""A random subscription at Stripe: what its customer pays, gets back and changes, and all that Stripe tells of it."""

import random
from collections.abc import Callable, Iterator

from bridge.stories.stripe_objects import DAY_S, HOUR_S, MONTH_S, Price
from bridge.stories.stripe_payments import balance_move
from bridge.stories.stripe_subscriber import Subscriber
from bridge.stories.stripe_versions import GENERATIONS
from bridge.values import jsontext
from bridge.values.records import Document

from .lives import Life, as_told, webhook

TRIAL_S = 14 * DAY_S
PRICES = (Price("price_1Ppro", "prod_Qpro", 2_900), Price("price_1Pteam", "prod_Qteam", 9_900))


def stripe_life(rng: random.Random, number: int, start_s: int) -> Life:
    """The life of customer `number`, beginning at epoch second `start_s`."""
    trial_s = rng.choice((0, TRIAL_S))
    who = Subscriber(f"1R{number}", f"user_r{number}", rng.choice(GENERATIONS), start_s, trial_s)
    events = [event for step in _steps(rng, who) for event in step]
    return Life("stripe", [webhook("stripe", jsontext.dumps(event).decode()) for event in events], as_told)


def _steps(rng: random.Random, who: Subscriber) -> Iterator[list[Document]]:
    price, at = rng.choice(PRICES), who.start
    if who.trial_s:
        yield _trial(who, price)
        at += who.trial_s
    for number in range(2, rng.randint(3, 6)):
        yield _paid(who, number, price, at, first=number == 2 and not who.trial_s)
        yield rng.choice(GIVEN_BACK)(who, number, price, at + 2 * DAY_S)
        at += MONTH_S
    yield _left(who, price, at - MONTH_S)


def _trial(who: Subscriber, price: Price) -> list[Document]:
    at = who.start
    nothing = who.invoice(1, [who.line(price, at, 0)], at, "subscription_create")
    return [
        who.event("customer.subscription.created", who.subscription(price, at, status="trialing"), at),
        who.event("invoice.paid", nothing, at + 1),
    ]


def _paid(who: Subscriber, number: int, price: Price, at: int, *, first: bool) -> list[Document]:
    reason = "subscription_create" if first else "subscription_cycle"
    invoice = who.invoice(number, [who.line(price, at)], at + HOUR_S, reason)
    told = [
        who.event("invoice.paid", invoice, at + HOUR_S),
        who.event("invoice.payment_succeeded", invoice, at + HOUR_S),
    ]
    return [who.event("customer.subscription.created", who.subscription(price, at), at), *told] if first else told


def _nothing(_who: Subscriber, _number: int, _price: Price, _at: int) -> list[Document]:
    return []


def _refunded(who: Subscriber, number: int, price: Price, at: int) -> list[Document]:
    """A third goes back, told by the charge and by itself."""
    back = price.unit_amount // 3
    charge = who.charge(number, price.unit_amount, at - DAY_S, refunded=back, currency=price.currency)
    return [
        who.event("charge.refunded", charge, at, {"amount_refunded": 0, "refunded": False}),
        who.event("refund.created", who.refund(number, back, at, price.currency), at),
    ]


def _lost(who: Subscriber, number: int, price: Price, at: int) -> list[Document]:
    """A dispute, and the bank keeps the money."""
    taken = balance_move(f"txn_{who.name}{number}a", -price.unit_amount, created=at, currency=price.currency, fee=1_500)
    opened = who.dispute(number, price.unit_amount, at, price.currency, status="needs_response", moves=[taken])
    return [
        who.event("charge.dispute.funds_withdrawn", opened, at),
        who.event("charge.dispute.closed", opened | {"status": "lost"}, at + 20 * DAY_S),
    ]


def _won(who: Subscriber, number: int, price: Price, at: int) -> list[Document]:
    """A dispute, and the money comes back."""
    taken = balance_move(f"txn_{who.name}{number}a", -price.unit_amount, created=at, currency=price.currency, fee=1_500)
    back = balance_move(f"txn_{who.name}{number}b", price.unit_amount, created=at + DAY_S, currency=price.currency)
    opened = who.dispute(number, price.unit_amount, at, price.currency, status="needs_response", moves=[taken])
    won = who.dispute(number, price.unit_amount, at, price.currency, status="won", moves=[taken, back])
    return [
        who.event("charge.dispute.funds_withdrawn", opened, at),
        who.event("charge.dispute.funds_reinstated", won, at + DAY_S),
    ]


GIVEN_BACK: tuple[Callable[[Subscriber, int, Price, int], list[Document]], ...] = (
    _nothing,
    _nothing,
    _refunded,
    _lost,
    _won,
)


def _left(who: Subscriber, price: Price, at: int) -> list[Document]:
    end = at + MONTH_S
    leaving = who.subscription(price, at, cancel_at=end, canceled_at=at + DAY_S)
    gone = leaving | {"status": "canceled", "ended_at": end}
    return [
        who.event("customer.subscription.updated", leaving, at + DAY_S, {"cancel_at": None, "canceled_at": None}),
        who.event("customer.subscription.deleted", gone, end),
    ]
