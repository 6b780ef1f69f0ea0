"""Voided purchases, and orders that are looked at again: what went back of them, by their own history."""

from bridge.errors import BadNotification
from bridge.sources.google.common import Context, environment_of, gone
from bridge.sources.google.holders import Holder
from bridge.sources.google.one_time import about_one_time
from bridge.sources.google.orders import Order, split_id
from bridge.sources.google.refunds import refund_fact, refunded
from bridge.sources.google.returned import presumed, refunds_of
from bridge.sources.google.subscriptions import token_of
from bridge.values.records import Document
from bridge.values.times import HOUR_MS

PATIENCE_MS = 6 * HOUR_MS  # for an order to show the refund that Google has told of
RECENT_MS = HOUR_MS  # a refund that is shown and is not older than this before the notification is the one told of
FULL = 1  # refundType; 2 is a part of the quantity of a one-time purchase
ONE_TIME = 2  # productType; 1 is a subscription


def voided(context: Context) -> list[Document]:
    """A purchase was taken back. Its order says how much of the money went with it."""
    order_id = context.body.text("orderId")
    if order_id is None:
        raise BadNotification(f"{context.body.at}.orderId is missing")
    about = _purchase_about(context, token_of(context))
    order = context.orders([order_id]).get(order_id)
    if order is None:
        raise BadNotification(f"Google does not know the order {order_id[:60]!r}")
    if not _shows_it(context, order):
        context.wait(context.at_ms + PATIENCE_MS, f"Google: the order {order.id} to show its refund")
    facts = refunded(context, order, **about)
    if not _shows_it(context, order) and context.body.integer("refundType") == FULL:
        refund = presumed(order, context.at_ms) if order.is_paid else None
        facts += [refund_fact(context, order, refund, **about)] if refund else []
    return facts or [context.fact("void_without_money", **about)]


def reread(context: Context) -> list[Document]:
    """Orders that the ledger has booked, as they are now: only those that show a refund come back with the answer."""
    asked = context.body.document.get("orderIds", [])
    orders = context.refunded_orders(asked)
    facts = [fact for order in orders.values() for fact in refunded(context, order, **_known_about(context, order))]
    return [*facts, context.fact("orders_looked_at", environment=environment_of(is_test=False), looked_at=len(asked))]


def _shows_it(context: Context, order: Order) -> bool:
    """Whether the order shows the refund that was told of; one that cost nothing has none."""
    if not order.total.amount or not order.is_paid:
        return True
    newest_ms = max((refund.at_ms for refund in refunds_of(order)), default=0)
    return order.state == "REFUNDED" or newest_ms >= context.at_ms - RECENT_MS


def _purchase_about(context: Context, token: str) -> Document:
    if context.body.integer("productType") == ONE_TIME:
        bought = context.one_time_purchase(token)
        return about_one_time(context, token, bought) if bought else _remembered(context, token)
    purchase = context.subscription(token)
    if purchase is None:
        return _remembered(context, token)
    about = dict(Holder(context, token, purchase).about)
    about.pop("plan")  # the order says what was bought; the purchase may be of another plan by now
    return about


def _remembered(context: Context, token: str) -> Document:
    """What the ledger knows of a purchase that Google no longer has: whether it was a test must be known."""
    known = context.memory.recall(context.subject(token))
    if "environment" not in known:
        raise gone()
    return {"environment": known["environment"], "subjects": [context.subject(token)], **_subscription(known)}


def _known_about(context: Context, order: Order) -> Document:
    """Only real sales are looked at again."""
    token = order.purchase_token
    known = context.memory.recall(context.subject(token)) if token else {}
    about = {
        "environment": environment_of(is_test=False),
        "country": order.country,
        "subjects": [context.subject(token)] if token else None,
        "subscription": {"id": split_id(order.id)[0]},
    }
    return about | _subscription(known)


def _subscription(known: Document) -> Document:
    ident = known.get("subscription")
    return {"subscription": {"id": ident}} if ident else {}
