"""Money in: what each order of a subscription paid for."""

from bridge.sources.google.common import CLOCKS_DIFFER_MS, Context
from bridge.sources.google.holders import Holder
from bridge.sources.google.orders import FIRST, Line, Order
from bridge.sources.google.purchases import replaced_plan
from bridge.sources.google.refunds import money_of, refunded
from bridge.sources.google.series import Series
from bridge.values.records import Document
from bridge.values.times import DAY_MS


def told(context: Context, holder: Holder, series: Series) -> list[Document]:
    """The facts of the orders that a notification has to tell of: each sale, and what went back of it."""
    facts: list[Document] = []
    for number, order in sorted(series.orders.items()):
        if order.is_paid and number in series.told:
            for line in order.lines:
                facts += _line(context, holder, order, line, series.before(number))
        if number in series.told or number <= (series.known if series.known is not None else FIRST - 1):
            facts += refunded(context, order, **_about(holder, order))
    return facts


def _line(context: Context, holder: Holder, order: Order, line: Line, before: Order | None) -> list[Document]:
    if order.number == FIRST and line.is_trial:
        return [_trial(context, holder, order, line)]
    covers = _covers(holder, order, line, before)
    sale = _sale(context, holder, order, line, covers=covers, follows_trial=_follows_trial(order, line, before))
    if covers != "change":
        return [sale]
    return [_changed(context, holder, order, line), sale]


def _trial(context: Context, holder: Holder, order: Order, line: Line) -> Document:
    starts_ms, ends_ms = line.item.period_ms
    days = round((ends_ms - starts_ms) / DAY_MS) if starts_ms is not None and ends_ms is not None else None
    return context.fact(
        "trial_started",
        at_ms=order.at_ms,
        transaction_id=order.id,
        which=None if line.key == order.id else line.item.product_id,
        trial_length_days=days or None,  # a tester's trial takes minutes
        period_ends_at_ms=ends_ms,
        **_about(holder, order, line),
    )


def _sale(  # noqa: PLR0913 - each is a fact of its own
    context: Context, holder: Holder, order: Order, line: Line, *, covers: str, follows_trial: str
) -> Document:
    at_once = abs(order.at_ms - context.at_ms) <= CLOCKS_DIFFER_MS
    recovered = at_once and context.notification.type == "SUBSCRIPTION_RECOVERED"
    return context.fact(
        "sale",
        at_ms=order.at_ms,
        transaction_id=order.id,
        sale_key=line.key,
        covers=covers,
        amount="some" if line.total.amount else "none",
        money=money_of(line.total, line.tax, line.source),
        follows_trial=follows_trial if line.total.amount else "no",
        recovered=recovered or None,
        phase=line.item.phase,
        period_ends_at_ms=line.item.period_ms[1],
        **_about(holder, order, line),
    )


def _changed(context: Context, holder: Holder, order: Order, line: Line) -> Document:
    return context.fact(
        "plan_changed",
        at_ms=order.at_ms,
        transaction_id=order.id,
        which=None if line.key == order.id else line.item.product_id,
        change="plan",
        effective="now",
        plan_before=plan_before(holder, line.item.product_id),
        **_about(holder, order, line),
    )


def plan_before(holder: Holder, product_id: str | None) -> Document:
    """The plan that the item of a product took the place of: as Google says, else that of the purchase before."""
    own = (item for item in holder.purchase.items if item.text("productId") == product_id)
    return next(filter(None, map(replaced_plan, own)), None) or holder.plan_before


def _covers(holder: Holder, order: Order, line: Line, before: Order | None) -> str:
    """What an order's money is for."""
    if order.number != FIRST:
        return "added" if before is not None and _same(before, line) is None else "renewal"
    if holder.purchase.linked_token:
        old = plan_before(holder, line.item.product_id)
        if old and old.get("id") != line.item.plan.get("id"):
            return "change"
        return "top_up" if holder.purchase.is_prepaid else "sign_up_again"
    return "restart" if holder.purchase.is_bought_again else "start"


def _follows_trial(order: Order, line: Line, before: Order | None) -> str:
    """Whether this is the first paid period after a trial: the order before it says so."""
    if order.number == FIRST:
        return "yes" if line.item.was_prorated_in_trial else "no"
    if before is None:
        return "unknown"
    old = _same(before, line)
    return "yes" if old and old.is_of_trial else "no"


def _same(order: Order, line: Line) -> Line | None:
    """The part of an order that is about the same product; of an order in one piece, all of it."""
    product = line.item.product_id
    if product not in {item.product_id for item in order.items}:
        return None
    return next((one for one in order.lines if one.item.product_id == product), order.lines[0])


def _about(holder: Holder, order: Order, line: Line | None = None) -> Document:
    item = (line or order.lines[0]).item
    is_whole = line is None or line.key == order.id
    return {
        **holder.about,
        "plan": item.plan or holder.purchase.plan,
        "quantity": item.quantity,
        "product_ids": sorted({one.product_id for one in order.items if one.product_id})
        if is_whole and len(order.items) > 1
        else None,
        "country": order.country or holder.about.get("country"),
    }
