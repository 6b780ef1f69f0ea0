"""Subscriptions: what begins, changes and ends, without money.

`customer.subscription.updated` fires for anything, every renewal included. `previous_attributes` lists the changed
fields with their old values, so each fact below asks for a change in *its* field; one update may hold several.
"""

from bridge.sources.stripe.common import Context, milliseconds_or_none, needed
from bridge.sources.stripe.people import person_facts
from bridge.sources.stripe.plans import Item, direction, item_of, items_of, plan_facts
from bridge.sources.stripe.trials import SAME_MOMENT_SECONDS
from bridge.values.reader import Reader
from bridge.values.records import Document

DAY_SECONDS = 86_400


def subscription_created(context: Context) -> list[Document]:
    """A trial begins here, also one without an invoice; a paid start is told by its invoice."""
    common = _learn(context)
    if _in_trial(context.object):
        return [_trial_started(context, common)]
    return [context.fact("subscription_created", **common)]


def subscription_updated(context: Context) -> list[Document]:
    """Each change that an event could tell of; `subscription_updated` alone when there is none."""
    common = _learn(context)
    found = [
        *_status_changes(context, common),
        *_plan_changes(context, common),
        *_cancel_toggles(context, common),
        *_pauses(context, common),
    ]
    return found or [context.fact("subscription_updated", **common)]


def subscription_ended(context: Context) -> list[Document]:
    """`customer.subscription.deleted`: once, at the real end. A trial that ends unpaid was no subscription yet."""
    subscription = context.object
    ended = subscription.integer("ended_at", "canceled_at") or context.created
    trial_end = subscription.integer("trial_end")
    common = _learn(context)
    ended_in = "paid"
    if trial_end is not None and ended <= trial_end + SAME_MOMENT_SECONDS:
        ended_in = "trial" if ended < trial_end - SAME_MOMENT_SECONDS else "trial_end"
    return [context.fact("subscription_ended", at=ended, ended_in=ended_in, **common)]


def trial_ending(context: Context) -> list[Document]:
    """`trial_will_end`: three days before."""
    return [context.fact("trial_ending", **_learn(context))]


def subscription_paused(context: Context) -> list[Document]:
    """The status `paused`: a trial ended without a payment method."""
    return [context.fact("paused", which=str(context.created), **_learn(context))]


def subscription_resumed(context: Context) -> list[Document]:
    """Out of the status `paused`."""
    return [context.fact("resumed", which=str(context.created), **_learn(context))]


def _learn(context: Context) -> Document:
    """Remember what later notifications need of this subscription, and give the facts that all of its events share."""
    subscription = context.object
    ident = needed(subscription.identifier("id"), "data.object.id")
    trial_end = subscription.integer("trial_end")
    # `trial_end` stays after the trial is over, so any notification of the subscription teaches it. The later one of
    # two that come out of order is the one that counts.
    if context.created >= (context.memory.recall(ident).get("seen") or 0):
        context.memory.remember(ident, seen=context.created, trial_end=trial_end)
    trial_start = subscription.integer("trial_start")
    reason = subscription.child("cancellation_details")
    facts = {
        "id": ident,
        "status": subscription.text("status"),
        "trial_length_days": _days(trial_start, trial_end),
        "trial_end_ms": milliseconds_or_none(trial_end),
        "cancel_at_ms": milliseconds_or_none(_cancels_at(subscription)),
        "cancellation_reason": reason.text("reason"),
        "cancellation_feedback": reason.text("feedback"),
        "latest_invoice": subscription.identifier("latest_invoice"),
    }
    return {
        **person_facts(subscription, subjects=(ident,)),
        "subscription": {name: value for name, value in facts.items() if value is not None},
        "plan": plan_facts(list(items_of(subscription).values())),
    }


def _in_trial(subscription: Reader) -> bool:
    """A trial by status, or by a trial offer on an item (2026-09-30.endive; a paid offer's status is `active`)."""
    status = subscription.text("status")
    offered = any(item.offer for item in items_of(subscription).values())
    return status == "trialing" or (offered and status in ("active", "trialing"))


def _trial_started(context: Context, common: Document) -> Document:
    offers = [item.offer for item in items_of(context.object).values() if item.offer]
    start = context.object.integer("trial_start", "start_date", "created")
    return context.fact("trial_started", at=start, offer_id=offers[0] if offers else None, **common)


def _status_changes(context: Context, common: Document) -> list[Document]:
    before, now = context.before.text("status"), context.object.text("status")
    if before is None or before == now:
        return []
    if before == "incomplete" and _in_trial(context.object):
        return [_trial_started(context, common)]
    if before == "trialing" and now in ("past_due", "unpaid", "paused", "canceled"):
        return [context.fact("trial_ended_unpaid", **common)]
    if now == "incomplete_expired":
        return [context.fact("signup_abandoned", **common)]
    return []


def _plan_changes(context: Context, common: Document) -> list[Document]:
    """The set of (price, quantity) differs. Since basil every renewal lists the whole old `items` because the period
    moved onto them, so the key alone proves nothing; a trial offer's end changes the price without a choice."""
    now = items_of(context.object)
    before = _items_before(context, now)
    if _set(before) == _set(now) or any(item.offer and not _still_offered(now, key) for key, item in before.items()):
        return []
    same_prices = {item.price for item in before.values()} == {item.price for item in now.values()}
    return [
        context.fact(
            "plan_changed",
            which=str(context.created),
            change="quantity" if same_prices else "plan",
            direction=direction(list(before.values()), list(now.values())),
            plan_before=plan_facts(list(before.values())),
            **common,
        )
    ]


def _items_before(context: Context, now: dict[str, Item]) -> dict[str, Item]:
    """The items as they were: the old list where it changed, else (single-item subscriptions of older versions) the
    old `plan` and `quantity` at the top."""
    rows = items_of(context.before)
    if context.before.children("items"):
        return rows
    if len(now) != 1 or not (context.before.has("plan") or context.before.has("quantity")):
        return now
    sides = {name: context.before if context.before.has(name) else context.object for name in ("plan", "quantity")}
    old = item_of(Reader({name: side.document.get(name) for name, side in sides.items()}))
    return dict.fromkeys(now, old) if old.price else now


def _set(items: dict[str, Item]) -> list[tuple[str, int]]:
    return sorted((item.price or "", 1 if item.quantity is None else item.quantity) for item in items.values())


def _still_offered(now: dict[str, Item], key: str) -> bool:
    return key in now and now[key].offer is not None


def _cancel_toggles(context: Context, common: Document) -> list[Document]:
    """Set to end, or not any more. The customer portal in flexible billing mode sets `cancel_at` alone, the API may set
    `cancel_at_period_end` alone, so both count."""
    before, now = context.before, context.object
    if not (before.has("cancel_at_period_end") or before.has("cancel_at")):
        return []
    scheduled = bool(now.flag("cancel_at_period_end")) or now.integer("cancel_at") is not None
    flag = (
        before.flag("cancel_at_period_end") if before.has("cancel_at_period_end") else now.flag("cancel_at_period_end")
    )
    at = before.integer("cancel_at") if before.has("cancel_at") else now.integer("cancel_at")
    if scheduled == (bool(flag) or at is not None):
        return []
    word = "cancellation_scheduled" if scheduled else "cancellation_undone"
    return [context.fact(word, which=str(context.created), **common)]


def _pauses(context: Context, common: Document) -> list[Document]:
    """`pause_collection` leaves the status alone: null becomes an object, or back."""
    if not context.before.has("pause_collection"):
        return []
    before, now = bool(context.before.child("pause_collection")), bool(context.object.child("pause_collection"))
    if before == now:
        return []
    behavior = context.object.text("pause_collection.behavior")
    return [context.fact("paused" if now else "resumed", which=str(context.created), pause_behavior=behavior, **common)]


def _cancels_at(subscription: Reader) -> int | None:
    at = subscription.integer("cancel_at")
    if at is None and subscription.flag("cancel_at_period_end"):
        ends = [row.integer("current_period_end") for row in subscription.children("items")]
        at = subscription.integer("current_period_end") or max((end for end in ends if end is not None), default=None)
    return at


def _days(start: int | None, end: int | None) -> int | None:
    return round((end - start) / DAY_SECONDS) if start is not None and end is not None and end >= start else None
