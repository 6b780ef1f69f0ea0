"""States the facts of Apple's notifications: one table from Apple's types to a function each.

Source: https://developer.apple.com/documentation/appstoreservernotifications/notificationtype
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridge.errors import BadNotification, NotYet
from bridge.sources.apple import changes, refunds, sales
from bridge.sources.apple.common import Context
from bridge.sources.apple.identity import PARTS
from bridge.sources.apple.jws import claims, signed_payload
from bridge.sources.base import Memory
from bridge.values.reader import Reader
from bridge.values.records import Document, Notification

if TYPE_CHECKING:
    from bridge.sources.apple.api import AppleApi


class AppleSource:
    """Reads what the receiving half has proven. `api` is asked for what neither the notification nor memory says."""

    name = "apple"

    def __init__(self, api: "AppleApi | None" = None) -> None:
        self._api = api
        self.asks = api is not None

    def ask(self, question: str) -> Any:
        """Ask the App Store Server API: `history:<environment>:<bundle id>:<original transaction id>`.

        Gives the transactions, None when Apple knows none. Raises NotYet when there is no answer for now.
        """
        if self._api is None:
            raise NotYet("the App Store Server API, which is not configured")
        _, environment, bundle_id, transaction_id = question.split(":", 3)
        return self._api.history(environment, bundle_id, transaction_id)

    def state(self, notification: Notification, memory: Memory, answers: Mapping[str, Any]) -> Sequence[Document]:
        """The facts of one notification. Raises BadNotification when it is not of the documented shape."""
        try:
            outer = Reader(claims(signed_payload(notification.body)))
        except ValueError:
            raise BadNotification("the body holds no signedPayload") from None
        data = outer.child(*PARTS)
        context = Context(
            notification=notification,
            outer=outer,
            data=data,
            info=_inner(data, "signedTransactionInfo"),
            renewal=_inner(data, "signedRenewalInfo"),
            memory=memory,
            answers=answers,
            can_ask=self.asks,
        )
        if context.info:
            context.periods.learn(context.transaction)
        return _FACTS.get(notification.type, _unknown)(context)


def _inner(data: Reader, field: str) -> Reader:
    text = data.document.get(field)
    return Reader(claims(text) if isinstance(text, str) else {}, field)


def _unknown(context: Context) -> list[Document]:
    """A type that Apple added: kept, counted, and mapped by a replay once it is known."""
    return [context.fact("unknown")]


_FACTS: Mapping[str, Callable[[Context], list[Document]]] = {
    "SUBSCRIBED": sales.started,
    "DID_RENEW": sales.renewed,
    "ONE_TIME_CHARGE": sales.bought_once,
    "DID_CHANGE_RENEWAL_PREF": sales.plan_changed,
    "OFFER_REDEEMED": sales.offer_redeemed,
    "REFUND": refunds.refunded,
    "REFUND_REVERSED": refunds.refund_reversed,
    "REFUND_DECLINED": changes.told("refund_declined"),
    "CONSUMPTION_REQUEST": changes.refund_requested,
    "REVOKE": changes.revoked,
    "DID_CHANGE_RENEWAL_STATUS": changes.switched,
    "DID_FAIL_TO_RENEW": changes.renewal_failed,
    "GRACE_PERIOD_EXPIRED": changes.told("grace_period_expired"),
    "EXPIRED": changes.expired,
    "PRICE_INCREASE": changes.price_increase,
    "RENEWAL_EXTENDED": changes.told("renewal_extended"),
    "RENEWAL_EXTENSION": changes.renewal_extension,
    "PRICE_CHANGE": changes.without_transaction("own_change"),
    "METADATA_UPDATE": changes.without_transaction("own_change"),
    "MIGRATION": changes.without_transaction("own_change"),
    "EXTERNAL_PURCHASE_TOKEN": changes.without_transaction("external_purchase"),
    "RESCIND_CONSENT": changes.without_transaction("consent_rescinded"),
    "TEST": changes.without_transaction("test"),
}

TYPES = frozenset(_FACTS)
"""The types that state facts of their own; Apple adds others."""
