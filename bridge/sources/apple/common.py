"""What all facts of Apple's share: the notification around the transaction, and what every event about it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bridge.errors import NeedsAnswer
from bridge.sources.apple.periods import Periods
from bridge.sources.apple.transactions import Transaction, is_trial, needed, read_transaction
from bridge.sources.base import Memory
from bridge.values.reader import Reader
from bridge.values.records import Document, Notification
from bridge.values.times import DAY_MS

# https://developer.apple.com/documentation/appstoreservernotifications/offertype; 5 came with StoreKit 27.
OFFERS = {1: "introductory", 2: "promotional", 3: "code", 4: "win_back", 5: "retention"}
# https://developer.apple.com/documentation/appstoreservernotifications/status
STATUSES = {1: "active", 2: "expired", 3: "billing_retry", 4: "grace_period", 5: "revoked"}
# https://developer.apple.com/documentation/appstoreservernotifications/expirationintent
EXPIRATIONS = {1: "voluntary", 2: "billing_retry", 3: "price_increase", 4: "product_not_for_sale", 5: "other"}


@dataclass(frozen=True)
class Context:
    """One notification while its facts are stated.

    `outer` is the decoded notification, `data` its part about a purchase, `info` and `renewal` the decoded
    transaction and renewal info (empty when they are not there). `can_ask`: the App Store Server API is configured.
    """

    notification: Notification
    outer: Reader
    data: Reader
    info: Reader
    renewal: Reader
    memory: Memory
    answers: Mapping[str, Any]
    can_ask: bool

    @property
    def subtype(self) -> str:
        """Apple's subtype, empty when there is none."""
        return self.outer.text("subtype") or ""

    @property
    def signed_at_ms(self) -> int:
        """When Apple signed the notification."""
        return self.notification.occurred_at_ms

    @cached_property
    def transaction(self) -> Transaction:
        """The transaction. Raises BadNotification when there is none."""
        return read_transaction(self.info)

    @property
    def periods(self) -> Periods:
        """What is known of the subscription."""
        return Periods(self.memory, self.line)

    @property
    def line(self) -> str:
        """Where the ledger keeps what is known of the subscription or the single purchase."""
        return f"{self.notification.environment}/{self.transaction.line}"

    def charge(self, ident: str) -> str:
        """Where the ledger keeps what is known of one transaction."""
        return f"{self.notification.environment}/charge/{ident}"

    def fact(self, word: str, *, at_ms: int | None = None, **more: Any) -> Document:
        """One facts document: `word` says what happened, `at_ms` when (default: when Apple signed the notification).

        A time that lies ahead becomes that of the signature: renewals are told up to a day before they begin.
        """
        happened = self.signed_at_ms if at_ms is None else min(at_ms, self.signed_at_ms)
        facts = {**self._base, "fact": word, "occurred_at_ms": happened, **more}
        return {name: value for name, value in facts.items() if value not in (None, {})}

    def history(self) -> list[Document]:
        """All transactions of the subscription, as the App Store Server API has them; empty when it is not configured
        or has none. Raises NeedsAnswer until it has been asked."""
        if not self.can_ask:
            return []
        bundle = needed(self.data.text("bundleId"), "data.bundleId")
        question = f"history:{self.notification.environment}:{bundle}:{self.transaction.line}"
        if question not in self.answers:
            raise NeedsAnswer(question)
        return self.answers[question] or []

    @cached_property
    def _base(self) -> Document:
        return {
            "source": "apple",
            "store": "apple",
            "platform": "ios",
            "type": self.notification.type,
            "subtype": self.subtype or None,
            "environment": str(self.notification.environment),
            "notification_id": self.notification.id,
            "received_at_ms": self.notification.received_at_ms,
        }


def about_line(context: Context) -> Document:
    """What every event about this subscription or purchase says, whichever of its transactions it is about."""
    info, renewal, transaction = context.info, context.renewal, context.transaction
    subscription = {
        "id": transaction.line,
        "group": info.text("subscriptionGroupIdentifier"),
        "status": _word(STATUSES, context.data.integer("status")),
        "auto_renew": _flag(renewal.integer("autoRenewStatus")),
        "renewal_product_id": renewal.text("autoRenewProductId"),
        "renewal_at_ms": renewal.integer("renewalDate"),
        "grace_until_ms": renewal.integer("gracePeriodExpiresDate"),
        "expiration": _word(EXPIRATIONS, renewal.integer("expirationIntent")),
    }
    return {
        "original_transaction_id": transaction.line,
        "subscription": without_none(subscription) if transaction.recurring else None,
        "app_account_token": info.text("appAccountToken") or renewal.text("appAccountToken"),
        "app_transaction_id": info.text("appTransactionId"),
        "bundle_id": context.data.text("bundleId"),
        "storefront": info.text("storefront"),
        "family_shared": True if transaction.is_family else None,
        "subjects": [context.line],
    }


def about_transaction(context: Context) -> Document:
    """The same, and what is said of the transaction itself."""
    info, transaction = context.info, context.transaction
    return {
        **about_line(context),
        "transaction_id": transaction.id,
        "web_order_line_item_id": info.text("webOrderLineItemId"),
        "plan": without_none({"product_id": transaction.product, "quantity": info.integer("quantity")}),
        "kind": info.text("type"),
        "offer": offer_of(info),
        "in_trial": is_trial(info),
        "expires_at_ms": transaction.until_ms,
        "trial_length_days": _trial_days(transaction),
        "billing_plan": info.text("billingPlanType"),
    }


def about_period(context: Context, transaction: Transaction) -> Document:
    """The same for an earlier transaction of the subscription, as far as the ledger remembers it."""
    return {
        **about_line(context),
        "transaction_id": transaction.id,
        "plan": without_none({"product_id": transaction.product}),
    }


def offer_of(info: Reader) -> Document:
    """The offer that a transaction, or the next period, was sold under; empty when there is none."""
    return without_none(
        {
            "id": info.text("offerIdentifier"),
            "type": _word(OFFERS, info.integer("offerType")),
            "discount": info.text("offerDiscountType"),
            "period": info.text("offerPeriod"),
        }
    )


def without_none(facts: Document) -> Document:
    """The facts that there are."""
    return {name: value for name, value in facts.items() if value is not None}


def _trial_days(transaction: Transaction) -> int | None:
    """Whole days; None in the sandbox, where a trial takes minutes."""
    if not transaction.is_trial or transaction.until_ms is None:
        return None
    return round((transaction.until_ms - transaction.at_ms) / DAY_MS) or None


def _word(words: Mapping[int, str], number: int | None) -> str | None:
    """Apple's number in a word; one that is not known stays a number."""
    return None if number is None else words.get(number, str(number))


def _flag(number: int | None) -> bool | None:
    return None if number is None else number == 1
