"""One-time products: bought once, priced by their order.

Source: https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.productsv2
"""

from bridge.errors import BadNotification
from bridge.sources.google.booked import book
from bridge.sources.google.common import Context, environment_of, gone
from bridge.sources.google.orders import Line, Order, plan_of
from bridge.sources.google.refunds import money_of, refunded
from bridge.sources.google.subscriptions import PATIENCE_MS, token_of
from bridge.values.reader import Reader
from bridge.values.records import Document


def bought_once(context: Context) -> list[Document]:
    """A one-time product was bought: its order says what was paid, and what of it went back since."""
    token = token_of(context)
    bought = context.one_time_purchase(token)
    if bought is None:
        raise gone()
    about = about_one_time(context, token, bought)
    if bought.text("purchaseStateContext.purchaseState") == "PENDING":
        return [context.fact("purchase_pending", **about)]
    order_id = bought.text("orderId")
    order = _order(context, order_id) if order_id else None
    _remember(context, token, about, order)
    if order is None:
        return [context.fact("free_grant", **about)]
    if not order.is_paid:
        return [context.fact("nothing_paid", **about)]
    sales = [_sale(context, order, line, about) for line in order.lines]
    return [*sales, *refunded(context, order, **_of_order(about, order, order.lines[0]))]


def about_one_time(context: Context, token: str, bought: Reader) -> Document:
    """What every fact about a one-time purchase says."""
    item = next(iter(bought.children("productLineItem")), Reader({}))
    product_id = item.text("productId") or context.body.text("sku")
    return {
        "environment": environment_of(is_test=bought.has("testPurchaseContext")),
        "account_id": bought.text("obfuscatedExternalAccountId"),
        "profile_id": bought.text("obfuscatedExternalProfileId"),
        "country": bought.text("regionCode"),
        "plan": plan_of(product_id, None, item.text("productOfferDetails.offerId")),
        "quantity": item.integer("productOfferDetails.quantity"),
        "subjects": [context.subject(token)],
    }


def _order(context: Context, order_id: str) -> Order:
    order = context.orders([order_id]).get(order_id)
    if order is None:
        what = f"Google: its Play Developer API to know the order {order_id[:60]}"
        context.wait(context.at_ms + PATIENCE_MS, what)
        raise BadNotification(f"Google does not know the order {order_id[:60]!r}, which its own purchase names")
    return order


def _sale(context: Context, order: Order, line: Line, about: Document) -> Document:
    return context.fact(
        "sale",
        at_ms=order.at_ms,
        transaction_id=order.id,
        sale_key=line.key,
        covers="one_time",
        amount="some" if line.total.amount else "none",
        money=money_of(line.total, line.tax, line.source),
        follows_trial="no",
        **_of_order(about, order, line),
    )


def _of_order(about: Document, order: Order, line: Line) -> Document:
    own = {"plan": line.item.plan, "quantity": line.item.quantity, "country": order.country}
    return about | {name: value for name, value in own.items() if value}


def _remember(context: Context, token: str, about: Document, order: Order | None) -> None:
    context.memory.remember(context.subject(token), environment=about["environment"])
    if order is not None:
        book(context, [order], is_test=about["environment"] == "sandbox")
