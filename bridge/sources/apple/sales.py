"""Money in: starts, renewals, changes of plan that are charged at once, and single purchases.

Almost every notification repeats the newest transaction with its price, so a sale is stated only here, and each
transaction is one sale, whichever notification tells of it first.
"""

from bridge.sources.apple.common import Context, about_line, about_transaction, offer_of
from bridge.sources.apple.refunds import unused_parts
from bridge.sources.apple.transactions import RECURRING, Transaction, milliunits_in, money_of, read_transaction
from bridge.values.reader import Reader
from bridge.values.records import Document
from bridge.values.times import DAY_MS

RECOVERED = "BILLING_RECOVERY"
AT_ONCE = ("change", "offer")  # a new period, in the middle of the one before it
MAY_FOLLOW_TRIAL = ("renewal", *AT_ONCE)

# A notification of a change that is charged follows the charge at once.
FRESH_MS = DAY_MS


def started(context: Context) -> list[Document]:
    """`SUBSCRIBED`, and `OFFER_REDEEMED` with the same subtypes (before 23 January 2024)."""
    covers = {"INITIAL_BUY": "start", "RESUBSCRIBE": "restart"}.get(context.subtype)
    if covers is None:
        return [context.fact("unknown")]
    if not context.transaction.is_trial:
        return _with_unused_parts(context, _sale(context, covers))
    _claim(context)
    context.periods.learn(context.transaction)
    trial = context.fact(
        "trial_started",
        at_ms=context.transaction.at_ms,
        covers=covers,
        **about_transaction(context),
    )
    return [trial]


def renewed(context: Context) -> list[Document]:
    """`DID_RENEW`: a renewal, or the first money after a trial."""
    return _with_unused_parts(context, _sale(context, "renewal"))


def bought_once(context: Context) -> list[Document]:
    """`ONE_TIME_CHARGE`: consumables, non-consumables, and subscriptions that do not renew."""
    return [_sale(context, "one_time")]


def plan_changed(context: Context) -> list[Document]:
    """`DID_CHANGE_RENEWAL_PREF`.

    Without a subtype it is a downgrade taken back, or a change between plans of one level and length, which is charged
    at once. Only whether the charge has been told of before tells one from the other.
    """
    if context.subtype == "UPGRADE":
        return _changed_at_once(context, "upgrade")
    if context.subtype == "DOWNGRADE":
        return [_changed_later(context)]
    if context.subtype:
        return [context.fact("unknown")]
    return _changed_at_once(context, "crossgrade") if _is_new_charge(context) else [_taken_back(context)]


def offer_redeemed(context: Context) -> list[Document]:
    """`OFFER_REDEEMED` by an active subscriber: for the next period, or charged at once."""
    if context.subtype in ("INITIAL_BUY", "RESUBSCRIBE"):
        return started(context)
    if context.subtype in ("UPGRADE", "DOWNGRADE"):
        return plan_changed(context)
    if context.subtype:
        return [context.fact("unknown")]
    new_charge = _is_new_charge(context)
    next_offer = offer_of(context.renewal)
    about = about_transaction(context)
    redeemed = context.fact(
        "offer_redeemed",
        which=str(context.signed_at_ms),
        **about | {"offer": about["offer"] if new_charge else next_offer or about["offer"]},
    )
    return _with_unused_parts(context, redeemed, _sale(context, "offer")) if new_charge else [redeemed]


def _sale(context: Context, covers: str) -> Document:
    transaction = context.transaction
    sale = context.fact(
        "sale",
        at_ms=transaction.at_ms,
        covers=covers,
        money=_money(context.info, transaction),
        follows_trial=_follows_trial(context) if covers in MAY_FOLLOW_TRIAL and transaction.milliunits else None,
        recovered=True if context.subtype == RECOVERED else None,
        **about_transaction(context),
    )
    _claim(context)
    context.periods.learn(transaction, cuts=covers in AT_ONCE)
    return sale


def _money(info: Reader, transaction: Transaction) -> Document | None:
    """The price, and beside it the tax where Apple estimates it (Advanced Commerce)."""
    money = money_of(transaction.milliunits, transaction.currency, "transaction.price")
    commerce = info.child("advancedCommerceInfo")
    for part, field in (("tax", "estimatedTax"), ("net", "taxExclusivePrice")):
        beside = money_of(milliunits_in(commerce, field), transaction.currency, field)
        if money and beside:
            money |= {part: beside["amount"]}
    return money


def _follows_trial(context: Context) -> str:
    """By memory, else by the transaction history, else unknown."""
    recovered = context.subtype == RECOVERED
    verdict = context.periods.follows_trial(context.transaction, recovered=recovered)
    if verdict == "unknown" and context.transaction.recurring:
        for info in context.history():
            context.periods.learn(read_transaction(Reader(info, "history")))
        verdict = context.periods.follows_trial(context.transaction, recovered=recovered)
    return verdict


def _changed_at_once(context: Context, direction: str) -> list[Document]:
    transaction = context.transaction
    sale = _sale(context, "change")
    before = context.periods.before(transaction.id, transaction.at_ms)
    changed = context.fact(
        "plan_changed",
        at_ms=transaction.at_ms,
        direction=direction,
        effective="now",
        plan_before={"product_id": before.product} if before and before.product else None,
        **about_transaction(context),
    )
    return _with_unused_parts(context, changed, sale)


def _changed_later(context: Context) -> Document:
    """At the next renewal, to `autoRenewProductId`; the transaction is still that of the old plan."""
    renewal, transaction = context.renewal, context.transaction
    return context.fact(
        "plan_changed",
        which=str(context.signed_at_ms),
        direction="downgrade",
        effective="next_renewal",
        plan={"product_id": renewal.text("autoRenewProductId") or transaction.product},
        plan_before={"product_id": transaction.product} if transaction.product else None,
        **_after_renewal(context),
    )


def _taken_back(context: Context) -> Document:
    renewal, transaction = context.renewal, context.transaction
    return context.fact(
        "plan_changed",
        which=str(context.signed_at_ms),
        direction="reverted",
        effective="now",
        plan={"product_id": renewal.text("autoRenewProductId") or transaction.product},
        **_after_renewal(context),
    )


def _after_renewal(context: Context) -> Document:
    """No sale of its own: the transaction that it repeats is named all the same."""
    return {**about_line(context), "transaction_id": context.transaction.id, "offer": offer_of(context.renewal)}


def _is_new_charge(context: Context) -> bool:
    """Whether a change without a subtype brought this transaction, rather than repeating the newest one.

    A purchase, made just now, that is not the first of the subscription and that no other notification has told of.
    """
    transaction = context.transaction
    fresh = context.signed_at_ms - transaction.at_ms <= FRESH_MS
    if transaction.reason != "PURCHASE" or transaction.is_first or not fresh:
        return False
    told_by = context.memory.recall(context.charge(transaction.id)).get("sold_by")
    return told_by in (None, context.notification.id)


def _claim(context: Context) -> None:
    """Remember which notification told of this transaction's sale first."""
    subject = context.charge(context.transaction.id)
    if "sold_by" not in context.memory.recall(subject):
        context.memory.remember(subject, sold_by=context.notification.id)


def _with_unused_parts(context: Context, *facts: Document) -> list[Document]:
    return [*facts, *(unused_parts(context) if context.info.text("type") == RECURRING else ())]
