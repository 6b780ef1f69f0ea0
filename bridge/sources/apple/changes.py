"""What happens to a subscription without money: switches, failed payments, ends, requests."""

from collections.abc import Callable
from typing import Any

from bridge.sources.apple.common import Context, about_transaction
from bridge.sources.apple.refunds import access_revoked
from bridge.values.records import Document

State = Callable[[Context], list[Document]]

# https://developer.apple.com/documentation/appstoreservernotifications/subtype
SWITCHES = {"AUTO_RENEW_DISABLED": "auto_renew_disabled", "AUTO_RENEW_ENABLED": "auto_renew_enabled"}
ENDS = {
    "VOLUNTARY": "voluntary",
    "BILLING_RETRY": "billing_retry",
    "PRICE_INCREASE": "price_increase",
    "PRODUCT_NOT_FOR_SALE": "product_not_for_sale",
}


def switched(context: Context) -> list[Document]:
    """`DID_CHANGE_RENEWAL_STATUS`: by the customer, or by Apple after a refund request or a price notice."""
    word = SWITCHES.get(context.subtype)
    return _told(context, word) if word else [context.fact("unknown")]


def renewal_failed(context: Context) -> list[Document]:
    """`DID_FAIL_TO_RENEW`: Apple tries again for up to 60 days; in the grace period access goes on."""
    return _told(context, "renewal_failed", in_grace=context.subtype == "GRACE_PERIOD")


def expired(context: Context) -> list[Document]:
    """`EXPIRED`: the reason is in the subtype, else in the renewal info. A voluntary end falls on the last day."""
    about = about_transaction(context)
    intent = about["subscription"].get("expiration") if about["subscription"] else None
    reason = ENDS.get(context.subtype) or intent or "other"
    at_ms = context.transaction.until_ms if reason == "voluntary" else None
    return [context.fact("expired", at_ms=at_ms, end_reason=reason, **about)]


def price_increase(context: Context) -> list[Document]:
    """`PRICE_INCREASE`: announced, or accepted (also where no consent is needed)."""
    return _told(context, "price_increase", consent=context.subtype.lower() or None)


def refund_requested(context: Context) -> list[Document]:
    """`CONSUMPTION_REQUEST`: the customer asks for a refund, Apple for how much was used."""
    return _told(context, "refund_requested", request_reason=context.data.text("consumptionRequestReason"))


def revoked(context: Context) -> list[Document]:
    """`REVOKE`: a member of the family loses a shared purchase."""
    return [access_revoked(context)]


def renewal_extension(context: Context) -> list[Document]:
    """`RENEWAL_EXTENSION`: of many subscriptions at once; the summary is about none of them."""
    if context.subtype == "SUMMARY":
        return [context.fact("extension_summary")]
    return _told(context, "extension_failed") if context.info else [context.fact("unknown")]


def told(word: str) -> State:
    """A fact of this word about the transaction, at the time of the notification."""
    return lambda context: _told(context, word)


def without_transaction(word: str) -> State:
    """A fact of this word about nothing that was bought."""
    return lambda context: [context.fact(word, bundle_id=context.data.text("bundleId"))]


def _told(context: Context, word: str, **more: Any) -> list[Document]:
    return [context.fact(word, which=str(context.signed_at_ms), **about_transaction(context), **more)]
