"""What notifications about a subscription say. The type selects the question; the answer says what is so.

Types: https://developer.android.com/google/play/billing/rtdn-reference
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bridge.errors import BadNotification
from bridge.sources.google import sales
from bridge.sources.google.booked import book
from bridge.sources.google.common import Context, gone
from bridge.sources.google.holders import Holder
from bridge.sources.google.orders import join_id
from bridge.sources.google.purchases import plan_at
from bridge.sources.google.series import Series, look_back
from bridge.values.records import Document
from bridge.values.times import HOUR_MS

PATIENCE_MS = HOUR_MS  # for the Play Developer API to know what its own notification tells of

_TELL_OF_MONEY = frozenset(
    {
        "SUBSCRIPTION_PURCHASED",
        "SUBSCRIPTION_RENEWED",
        "SUBSCRIPTION_RECOVERED",
        "SUBSCRIPTION_ITEMS_CHANGED",
    }
)
_CHARGED = frozenset({"SUBSCRIPTION_RENEWED", "SUBSCRIPTION_RECOVERED"})


def subscription(context: Context) -> list[Document]:
    """The orders that have not been told of yet, and what the type itself tells of."""
    token = token_of(context)
    purchase = context.subscription(token)
    if purchase is None:
        raise gone()
    holder = Holder(context, token, purchase)
    money = context.notification.type in _TELL_OF_MONEY
    booked: dict[str, int] = holder.known.get("booked", {})
    series = [
        look_back(context, base, newest, booked.get(base), tells_of_money=money)
        for base, newest in purchase.newest_orders.items()
    ]
    _wait_for_orders(context, holder, series, money=money)
    _ = holder.about  # asks all that is left to ask, before anything is remembered
    facts = [fact for one in series for fact in sales.told(context, holder, one)]
    facts += _TOLD[context.notification.type](context, holder, series)
    _remember(context, holder, series)
    return facts or [context.fact("nothing_paid", **holder.about)]


def token_of(context: Context) -> str:
    """The purchase token. Raises BadNotification when there is none."""
    token = context.body.text("purchaseToken")
    if token is None:
        raise BadNotification(f"{context.body.at}.purchaseToken is missing")
    return token


def _wait_for_orders(context: Context, holder: Holder, series: list[Series], *, money: bool) -> None:
    """Google's notification may come before its API knows of the charge, or of the order that it names.

    Whether the API has the orders of licence testers is not documented: they are not insisted on.
    """
    until_ms = context.at_ms + PATIENCE_MS
    for one in series:
        number = holder.purchase.newest_orders[one.base]
        if number not in one.orders and money and not holder.purchase.is_test:
            order_id = join_id(one.base, number)[:60]
            context.wait(until_ms, f"Google: its Play Developer API to know the order {order_id}")
            raise BadNotification(f"Google does not know the order {order_id}, which its own purchase names")
    if context.notification.type not in _CHARGED:
        return
    newest_ms = max((one.newest.at_ms for one in series if one.newest), default=0)
    if newest_ms < context.at_ms - PATIENCE_MS:
        context.wait(until_ms, "Google: its Play Developer API to show the charge that it has told of")


def _remember(context: Context, holder: Holder, series: list[Series]) -> None:
    known = holder.known
    booked = dict(known.get("booked", {}))
    for one in (one for one in series if one.told):
        booked[one.base] = max(*one.told, booked.get(one.base, one.told[-1]))
        book(context, [one.orders[number] for number in one.told], is_test=holder.purchase.is_test)
    context.memory.remember(
        holder.subject,
        subscription=holder.id,
        plan=holder.purchase.plan or None,
        products=holder.purchase.product_ids or None,
        booked=booked or None,
        environment=holder.about["environment"],
    )


def _only_orders(_context: Context, _holder: Holder, _series: list[Series]) -> list[Document]:
    return []


def _purchased(context: Context, holder: Holder, _series: list[Series]) -> list[Document]:
    """A change of plan that takes effect later has no order yet."""
    purchase = holder.purchase
    if purchase.state in ("pending", "pending_purchase_canceled"):
        return [context.fact("purchase_pending", **holder.about)]
    awaited = [item for item in purchase.items if not item.text("latestSuccessfulOrderId")]
    if not (awaited and purchase.linked_token):
        return []
    product_id = awaited[0].text("productId")
    plan = plan_at(awaited[0])
    before = sales.plan_before(holder, product_id)
    if not before or before.get("id") == plan.get("id"):
        return []
    facts = {**holder.about, "plan": plan, "plan_before": before}
    return [context.fact("plan_changed", which=str(context.at_ms), change="plan", effective="next_renewal", **facts)]


def _cancelled(context: Context, holder: Holder, series: list[Series]) -> list[Document]:
    reason, at_ms = holder.purchase.cancellation
    if reason == "replacement":
        return [context.fact("replaced", **holder.about)]
    context.memory.remember(holder.subject, cancelled=True)
    happened_ms = at_ms if at_ms is not None and at_ms <= context.at_ms else context.at_ms
    return [_about_life(context, holder, series, "cancelled", at_ms=happened_ms, end_reason=reason or None)]


def _revoked(context: Context, holder: Holder, series: list[Series]) -> list[Document]:
    context.memory.remember(holder.subject, cancelled=True)
    return [_about_life(context, holder, series, "revoked", end_reason="revoked")]


def _expired(context: Context, holder: Holder, series: list[Series]) -> list[Document]:
    reason, _ = holder.purchase.cancellation
    if reason == "replacement":
        return [context.fact("replaced", **holder.about)]
    end_reason = "prepaid_ended" if holder.purchase.is_prepaid else reason or None
    ends_ms = holder.purchase.expires_at_ms
    happened_ms = ends_ms if ends_ms is not None and ends_ms <= context.at_ms else context.at_ms
    return [_about_life(context, holder, series, "expired", at_ms=happened_ms, end_reason=end_reason)]


def _restarted(context: Context, holder: Holder, series: list[Series]) -> list[Document]:
    context.memory.remember(holder.subject, cancelled=None)
    return [_about_life(context, holder, series, "restarted")]


def _items_changed(context: Context, holder: Holder, series: list[Series]) -> list[Document]:
    products = holder.purchase.product_ids
    before: list[str] = holder.known.get("products", [])
    if before == products:
        return [context.fact("items_same", **holder.about)]
    changed = _about_life(
        context, holder, series, "plan_changed", change="items", effective="now", product_ids_before=before
    )
    return [changed | {"product_ids": products}]


def _told_as(word: str, context: Context, holder: Holder, series: list[Series]) -> list[Document]:
    return [_about_life(context, holder, series, word)]


def _about_life(
    context: Context, holder: Holder, series: list[Series], word: str, *, at_ms: int | None = None, **more: Any
) -> Document:
    """A fact about the subscription itself: known by its first order and the time that Google told of it, which is
    the same whatever the API shows when it is asked."""
    orders = [order for one in series if (order := one.at(context.at_ms))]
    in_trial = bool(orders) and all(line.is_of_trial for order in orders for line in order.lines)
    base = min((one.base for one in series), default=None)
    facts = {"transaction_id": base, "which": str(context.at_ms), "in_trial": in_trial, **holder.about, **more}
    return context.fact(word, at_ms=at_ms, **facts)


_TOLD: Mapping[str, Callable[[Context, Holder, list[Series]], list[Document]]] = {
    "SUBSCRIPTION_RECOVERED": _only_orders,
    "SUBSCRIPTION_RENEWED": _only_orders,
    "SUBSCRIPTION_PURCHASED": _purchased,
    "SUBSCRIPTION_CANCELED": _cancelled,
    "SUBSCRIPTION_ON_HOLD": partial(_told_as, "on_hold"),
    "SUBSCRIPTION_IN_GRACE_PERIOD": partial(_told_as, "in_grace_period"),
    "SUBSCRIPTION_RESTARTED": _restarted,
    "SUBSCRIPTION_DEFERRED": partial(_told_as, "deferred"),
    "SUBSCRIPTION_PAUSED": partial(_told_as, "paused"),
    "SUBSCRIPTION_REVOKED": _revoked,
    "SUBSCRIPTION_EXPIRED": _expired,
    "SUBSCRIPTION_ITEMS_CHANGED": _items_changed,
    "SUBSCRIPTION_CANCELLATION_SCHEDULED": partial(_told_as, "cancellation_scheduled"),
}

TYPES = frozenset(_TOLD)
"""The types about which Google is asked."""
